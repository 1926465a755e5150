"""The dialects that spans are written in: one table of names each, read into one shape."""
