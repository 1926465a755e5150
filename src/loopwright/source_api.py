"""The source article's functions by their own names, over the stages."""
