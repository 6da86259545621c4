"""The state of a run, read from its folder alone: done, running, failed or interrupted."""

import contextlib
import json
import time
from collections.abc import Generator
from dataclasses import dataclass
from math import inf
from pathlib import Path

from to4d.disk.files import write_atomically
from to4d.disk.locks import is_locked, run_lock
from to4d.errors import BROKEN, InputError

FAILURE_FILE, PROGRESS_FILE = "run_failure.txt", "run_progress.json"
LIVE, LIVE_MODEL = "live.json", "live.safetensors"  # of a run that is watched
DONE, RUNNING, FAILED, INTERRUPTED = "done", "running", "failed", "interrupted"


@dataclass(frozen=True)
class State:
    """The state of a run."""

    name: str  # one of the four above
    detail: str = ""  # why it failed, where it is
    seconds_left: float | None = None  # by its own estimate


def state_of(folder: Path) -> State:
    """The state of the run in a folder; one that was started and has no process is interrupted."""
    if (folder / "metrics.json").exists():
        return State(DONE)
    at_work, progress = is_locked(folder), read_progress(folder / PROGRESS_FILE)
    where = f"{progress['phase']} {progress['step']}/{progress['steps']}" if progress else ""
    if at_work:
        left = max(0.0, progress["seconds_left"] - (time.time() - progress["at"])) if progress else None
        return State(RUNNING, where, left)
    if (folder / FAILURE_FILE).exists():
        return State(FAILED, (folder / FAILURE_FILE).read_text(errors="replace").strip())
    return State(INTERRUPTED, f"at {where}" if where else "")


def read_progress(path: Path) -> dict | None:
    """The file that `callbacks.progress` writes; None if it is missing or damaged, for it only informs."""
    try:
        progress = json.loads(path.read_bytes())
        numbers = {key: float(progress[key]) for key in ("seconds_left", "at")}
        found = {key: progress[key] for key in ("phase", "step", "steps")} | numbers
        return found if sum(numbers.values()) < inf else None
    except (FileNotFoundError, *BROKEN):
        return None


@contextlib.contextmanager
def record_failure(folder: Path) -> Generator[None]:
    """Write the reason to `run_failure.txt` of a run's folder if the run fails; an older file is deleted first.

    A run that is stopped has not failed. The folders of finished runs, and of other processes, are left alone.
    """
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        with contextlib.suppress(InputError), run_lock(folder):
            if not (folder / "metrics.json").exists():
                write_atomically(folder / FAILURE_FILE, f"{one_line(error)}\n".encode())
        raise


def one_line(error: BaseException) -> str:
    r"""An error in one line; that of a part which could not be made (Hydra's InstantiationException) is its cause.

    >>> one_line(ValueError("no such\n  thing"))
    'ValueError: no such thing'
    """
    if type(error).__name__ == "InstantiationException" and error.__cause__:
        error = error.__cause__
    text = " ".join(str(error).split("\n\n")[0].split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"
