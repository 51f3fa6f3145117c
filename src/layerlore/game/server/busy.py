"""Told apart from what is wrong: there is too much to do."""


class BusyError(Exception):
    """Others were quicker every time, or too many want the same at once; it can be tried again."""
