"""Version control: who is asking, and which commit this is."""
