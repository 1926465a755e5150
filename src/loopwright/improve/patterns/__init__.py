"""The six failure patterns that a harness can be improved against: found in traces, fitted, proposed."""
