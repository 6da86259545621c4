"""The page beside a run: a process of its own, so that what goes wrong there does not end the run."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from to4d.errors import InputError

BEGIN = 3600  # seconds that the page waits for the run's first state: a static fit may come first


@contextmanager
def watched(out: str) -> Iterator[None]:
    """Let the viewer show the run in the folder `out` meanwhile.

    Raises:
        InputError: if the package that serves the page is not installed.
    """
    if find_spec("viser") is None:
        raise InputError("view=true needs the package viser; install it by: pip install -e '.[viewer]'")
    viewer = [sys.executable, "-P", "-m", "to4d.commands.view"]  # -P: modules of the current folder are not to be found
    page = subprocess.Popen([*viewer, f"run={out}", f"wait={BEGIN}"])
    try:
        yield
    finally:
        page.terminate()
        page.wait()
