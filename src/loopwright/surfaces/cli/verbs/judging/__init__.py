"""The parts of `loopwright judge`."""
