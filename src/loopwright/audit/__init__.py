"""Who decided what: canonical content, digests, and the chain of decisions."""
