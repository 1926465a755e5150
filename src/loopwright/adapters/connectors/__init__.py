"""Pulling traces from other tracing products."""
