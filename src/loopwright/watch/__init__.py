"""Stage 8. What changed in production since the release: drift."""
