"""The HTTP server: receiver, API and dashboard."""
