"""The main job on three hosts that this machine plays itself."""
