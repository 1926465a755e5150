"""Statistics, once: intervals, paired and sequential tests, multiplicity. Arrays in, named tuples out."""
