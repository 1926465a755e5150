"""Stage 7. Proposals become releases, and their effect is checked."""
