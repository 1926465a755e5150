"""The outside world behind the ports. Only wiring imports from here."""
