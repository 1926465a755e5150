"""Text embedders behind one port: MiniLM, and the static table."""
