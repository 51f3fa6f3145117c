"""The metrics, one file for those that share their work."""
