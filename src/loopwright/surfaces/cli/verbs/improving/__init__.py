"""The larger sub-commands of `loopwright improve`."""
