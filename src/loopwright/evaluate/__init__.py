"""Stage 4. Failure modes become eval cases; eval cases become results."""
