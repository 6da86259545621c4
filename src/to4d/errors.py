"""What goes wrong on the user's side: the commands print only the message. Anything else is a bug, with a traceback."""


class InputError(ValueError):
    """Something the user gave cannot be used: the message says what, why it matters and what to do."""


BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What damaged or hostile bytes lead to while they are read."""


class NotComputed(Exception):
    """A measure cannot give its figures here, for want of weights or of a package.

    Args:
        names: of the figures, without `eval/`.
        reason: for people; it is written beside the figures, which are null.
    """

    def __init__(self, names: list[str], reason: str) -> None:
        super().__init__(reason)
        self.names, self.reason = names, reason
