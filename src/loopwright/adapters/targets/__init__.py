"""The agent under test: a Python callable, a command, or a URL."""
