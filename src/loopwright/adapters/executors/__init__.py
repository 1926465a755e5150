"""How trials are run: in this process, or elsewhere."""
