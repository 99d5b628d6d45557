"""What the controller remembers: its data folder."""
