"""The sub-commands of `loopwright gate`, and what they share with it."""
