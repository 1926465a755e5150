"""What decides inside the user's agent. Standard library only: it goes into production images."""
