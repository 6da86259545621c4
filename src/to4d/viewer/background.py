"""The viewer beside a run, in a process of its own, so that an error there does not end the run."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec

from to4d.errors import InputError

WAIT_SECONDS = 3600  # for the run's first state: a static fit may come first


@contextmanager
def background_viewer(out: str) -> Generator[None]:
    """Let the viewer show the run in the folder `out` meanwhile.

    Raises:
        InputError: if viser is not installed.
    """
    if find_spec("viser") is None:
        raise InputError("view=true needs the package viser; install it by: pip install -e '.[viewer]'")
    command = [sys.executable, "-P", "-m", "to4d.commands.view"]  # -P: not the modules of the current folder
    viewer = subprocess.Popen([*command, f"run={out}", f"wait={WAIT_SECONDS}"])
    try:
        yield
    finally:
        viewer.terminate()
        viewer.wait()
