"""Exceptions whose message is for the person at the keyboard, one sentence, no traceback."""


class InputError(ValueError):
    """What was given cannot be used; the message says what, where, and what to do."""


class CheckError(Exception):
    """What was checked does not hold; the message says what, and where."""
