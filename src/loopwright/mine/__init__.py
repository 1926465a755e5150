"""Stage 2. Traces become ranked failures, by five types of signal."""
