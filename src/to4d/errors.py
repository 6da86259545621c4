"""What goes wrong on the user's side: the commands print only the message. Anything else is a bug, with a traceback."""


class InputError(ValueError):
    """Something the user gave cannot be used: the message says what, why it matters and what to do."""
