"""The stages of `loopwright loop`, put together from the workflows."""
