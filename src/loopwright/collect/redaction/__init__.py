"""Secrets and personal data are taken out of text before anything is stored."""
