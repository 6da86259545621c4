"""Hostile files for the loaders: `python bench/fuzz.py --loader gltf --minutes 5` prints what was found as JSON.

Every input is drawn from its number (tests/faults/hostile.py), so `--first N --count 1` has a finding again. A
process of its own reads them, with a limit to its memory; one that says nothing for a while hangs.
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
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from hostile import LOADERS, Trial

MEMORY, PATIENCE = 2 * 2**30, 20.0  # bytes beyond what is loaded before; seconds of CPU for one input


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
            told = f"{type(error).__name__}: {str(error)[:200]} ({Path(last_line.filename).name}:{last_line.lineno})"
            board[8:1032] = told.encode()[:1024].ljust(1024, b"\0")
            os._exit(3)
    board[:8] = struct.pack("<q", last)
    os._exit(0)


def watch(trial: Trial, first: int, last: int, board: mmap.mmap, end: float) -> tuple[int, str]:
    """Start a reader and wait for a finding or the end: the number after the last that was read, and the finding."""
    board[:1032] = struct.pack("<q", first).ljust(1032, b"\0")
    pid, seen, since = os.fork(), first, 0.0
    if not pid:
        read(trial, first, last, board)
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.05)
        number, spent, over = struct.unpack("<q", board[:8])[0], cpu(pid), time.monotonic() > end
        seen, since = (number, spent) if number != seen else (seen, since)
        if over or spent - since > PATIENCE:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return (number, "") if over else (number + 1, "hang")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    number = struct.unpack("<q", board[:8])[0]
    if status == 0:
        return number, ""
    return number + 1, board[8:1032].rstrip(b"\0").decode(errors="replace") if status == 3 else f"ended with {status}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz one loader; status 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loader", choices=LOADERS, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    start, board, findings = time.monotonic(), mmap.mmap(-1, 1032), {}
    number, last, end = options.first, options.first + options.count, start + 60.0 * options.minutes
    with tempfile.TemporaryDirectory(
        prefix="to4d-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as folder:
        trial = Trial(options.loader, Path(folder))
        while number < last and time.monotonic() < end:
            number, found = watch(trial, number, last, board, end)
            if found:
                findings.setdefault(found.split(" (")[-1] if " (" in found else found, []).append((number - 1, found))
    seconds = time.monotonic() - start
    told = {"loader": options.loader, "inputs": number - options.first, "seconds": round(seconds, 1)}
    told |= {
        "per_second": round((number - options.first) / seconds, 1),
        "findings": {k: v[:3] for k, v in findings.items()},
    }
    print(json.dumps(told, indent=1))
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
