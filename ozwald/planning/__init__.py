"""Pure decisions: which container runs where, and what has to change."""
