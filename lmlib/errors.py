"""The one exception that means: the person at the keyboard can mend this."""


class InputError(ValueError):
    """What was given cannot be used; the message says what, where, and what to do."""
