"""Stage 3. Failures become failure modes."""
