"""One module per command: they know the stages and the ports, and await where a stage yields."""
