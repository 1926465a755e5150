"""The loop as tools for a coding agent."""
