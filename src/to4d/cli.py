"""What all commands do around Hydra: plain words on the command line, one clear line when something is wrong."""

import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from to4d.errors import InputError

TEXT_KEYS = ("prompt", "object.noun", "object.path", "object.name")


def plain_text(argument: str) -> str:
    """Quote the free text of `key=text` for Hydra, so that commas, apostrophes and brackets mean themselves.

    Text that is quoted already, a sweep `choice(...)` and null stay as they are.

    >>> plain_text("prompt=up, down")
    'prompt="up, down"'
    >>> plain_text("seed=1,2")
    'seed=1,2'
    """
    key, equals, text = argument.partition("=")
    if not equals or key not in TEXT_KEYS or re.match(r"""^(".*"|'.*'|choice\(.*\)|null|\s*)$""", text):
        return argument
    escaped = re.sub(r'(\\*)"', r"\1\1\"", text)
    return f'{key}="{escaped}"'


def run_folder(arguments: list[str]) -> list[str]:
    """Translate `out=DIR`: it is where Hydra runs, or with -m the parent of its jobs' folders."""
    key = "hydra.sweep.dir" if {"-m", "--multirun"} & set(arguments) else "hydra.run.dir"
    return [re.sub("^out=", f"{key}=", argument) for argument in arguments]


def check_writable(arguments: list[str]) -> None:
    """Create the run folder now, if one is named.

    Raises:
        InputError: if that is not possible.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in ("hydra.run.dir", "hydra.sweep.dir"):
            try:
                Path(value).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"cannot write to out={value}: {error.strerror}") from None
            if not os.access(value, os.W_OK):
                raise InputError(f"cannot write to out={value}: no permission")


def command(main: Callable[[], None]) -> None:
    """Run a Hydra main on the cleaned-up command line."""
    sys.argv[1:] = run_folder([plain_text(argument) for argument in sys.argv[1:]])
    try:
        check_writable(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
    main()


def friendly(task: Callable) -> Callable:
    """Let a Hydra task end on bad input with the message alone and status 2."""

    @functools.wraps(task)
    def wrapped(cfg: object) -> object:
        try:
            return task(cfg)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return wrapped
