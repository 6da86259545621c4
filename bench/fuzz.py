"""Hostile files for the loaders: `python bench/fuzz.py --loader gltf --minutes 5` prints what was found as JSON.

Every input is drawn from its number (tests/faults/hostile.py), so `--first N --count 1` has a finding again. A
process of its own reads them, with a limit to its memory; one that says nothing for a while hangs. Minutes are of CPU.
With `--out fuzz.json` all is noted there, each loader by its name, and the same line goes on where it was stopped.
"""

import argparse
import json
import mmap
import os
import resource
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from hostile import LOADERS, Trial

from to4d.disk.files import write_atomically

MEMORY, PATIENCE = 2 * 2**30, 20.0  # bytes beyond what is loaded before; seconds of CPU for one input
SLICE = 1.5 * PATIENCE  # seconds of CPU between two notes


def used() -> int:
    """Bytes of address space now."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read(trial: Trial, first: int, last: int, board: mmap.mmap) -> None:
    """Read inputs one after the other, each noted on `board` beforehand; ends the process at a finding."""
    resource.setrlimit(resource.RLIMIT_AS, (used() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for number in range(first, last):
        board[:8] = struct.pack("<q", number)
        try:
            trial(number)
        except BaseException as error:
            last_line = traceback.extract_tb(error.__traceback__)[-1]
            answer = f"{type(error).__name__}: {str(error)[:200]} ({Path(last_line.filename).name}:{last_line.lineno})"
            board[8:1032] = answer.encode()[:1024].ljust(1024, b"\0")
            os._exit(3)
    board[:8] = struct.pack("<q", last)
    os._exit(0)


def watch(trial: Trial, first: int, last: int, board: mmap.mmap) -> tuple[int, str, float]:
    """Let a reader work for a while: the number after the last that was read, what was found, and seconds of CPU."""
    board[:1032] = struct.pack("<q", first).ljust(1032, b"\0")
    pid, last_number, since, spent = os.fork(), first, 0.0, 0.0
    if not pid:
        read(trial, first, last, board)
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.05)
        number, spent = struct.unpack("<q", board[:8])[0], cpu(pid)
        last_number, since = (number, spent) if number != last_number else (last_number, since)
        if spent - since > PATIENCE or spent > SLICE:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return (number + 1, "hang", spent) if spent - since > PATIENCE else (number, "", spent)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    number = struct.unpack("<q", board[:8])[0]
    if status == 0:
        return number, "", spent
    answer = board[8:1032].rstrip(b"\0").decode(errors="replace")
    return number + 1, answer if status == 3 else f"ended with {status}", spent


def fuzz(trial: Trial, last: int, seconds: float, so_far: dict, note: Callable[[dict], None]) -> None:
    """Go on from `so_far`, which is brought up to date and noted after each slice."""
    board = mmap.mmap(-1, 1032)
    while so_far["next"] < last and so_far["cpu_seconds"] < seconds:
        number, found, spent = watch(trial, so_far["next"], last, board)
        if found:
            alike = so_far["findings"].setdefault(found.split(" (")[-1], [])
            alike += [[number - 1, found]] if len(alike) < 5 else []
        so_far |= {"next": number, "cpu_seconds": round(so_far["cpu_seconds"] + spent, 2)}
        note(so_far)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz one loader; status 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", choices=LOADERS, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    notes = json.loads(options.out.read_text()) if options.out and options.out.exists() else {}
    so_far = notes.setdefault(options.loader, {"next": options.first, "cpu_seconds": 0.0, "findings": {}})

    def note(record: dict) -> None:
        if options.out:
            write_atomically(options.out, json.dumps(notes, indent=1).encode())

    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="to4d-fuzz-", dir=memory) as folder:
        trial = Trial(options.loader, Path(folder))
        fuzz(trial, options.first + options.count, 60.0 * options.minutes, so_far, note)
    print(json.dumps({"loader": options.loader, "inputs": so_far["next"] - options.first, **so_far}, indent=1))
    return int(bool(so_far["findings"]))


if __name__ == "__main__":
    sys.exit(main())
