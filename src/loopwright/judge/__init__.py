"""Rubrics, verdicts, and the calibration of judges against people."""
