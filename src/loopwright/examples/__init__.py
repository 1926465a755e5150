"""What ships with the package to be tried: real conversations, and an agent."""
