"""Answers that mean the same, together: one file for each way."""
