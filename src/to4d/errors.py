"""What goes wrong on the user's side: the commands print only the message. Anything else is a bug, with a traceback."""

from collections.abc import Generator
from contextlib import contextmanager


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


RENDERING, AUTOENCODER, NETWORK = "rendering the 4D model", "in the prior's autoencoder", "in the prior's network"
_NOTE = "ran out of memory "


@contextmanager
def memory_of(part: str) -> Generator[None]:
    """Name the part of the program that needs memory here, for the message where a GPU has none left.

    It is a decorator too, and must be one of what gradient checkpointing calls again. The innermost name counts.
    """
    try:
        yield
    except RuntimeError as error:
        import torch  # not above: `import to4d` imports nothing heavy

        if isinstance(error, torch.OutOfMemoryError) and part_without_memory(error) is None:
            error.add_note(_NOTE + part)
        raise


def part_without_memory(error: BaseException) -> str | None:
    """The part that `memory_of` named, if any did."""
    notes = getattr(error, "__notes__", ())
    return next((note.removeprefix(_NOTE) for note in notes if note.startswith(_NOTE)), None)
