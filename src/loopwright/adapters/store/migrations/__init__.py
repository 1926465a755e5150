"""Numbered, forward-only changes of the schema: SQL that every dialect reads once its own words are put in."""
