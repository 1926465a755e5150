"""Stage 1. Spans and conversations become traces."""
