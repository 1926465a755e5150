"""Stage 6. Failure modes become verified, reviewed proposals."""
