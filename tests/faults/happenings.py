"""What can happen to a real run, drawn from a seed."""

import os
import resource
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from random import Random

from damage import DAMAGES
from tiny_run import CRASHED, FINISHED, PROGRAMS, REFUSED, Run, ended


def halfway(run: Run, random: Random, signum: int = signal.SIGKILL) -> tuple[int, int]:
    """A run that was stopped at a drawn moment: its status, and how many steps it had done."""
    step, wait = random.randint(0, sum(PROGRAMS[run.program].values())), random.random() * 0.3
    before, pid = len(run.done()), run.start()
    run.wait_for_step(pid, before + step)
    time.sleep(wait)
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
    return ended(pid), len(run.done())


def killed(run: Run, random: Random, stack: ExitStack, times: int = 1) -> tuple[str, bool]:
    ends = [halfway(run, random) for _ in range(times)]
    return f"killed after {', '.join(str(steps) for _, steps in ends)} steps", any(s == CRASHED for s, _ in ends)


def terminated(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    status, steps = halfway(run, random, signal.SIGTERM)
    return f"SIGTERM after {steps} steps, ended with {status}", status not in (0, 143, -signal.SIGTERM)


def damaged(run: Run, random: Random, stack: ExitStack, name: str) -> tuple[str, bool]:
    """A file of a run that was killed, or is finished."""
    status, steps = halfway(run, random)
    files = sorted(path for path in run.out.parent.rglob("*") if path.is_file() and path.suffix != ".lock")
    files = [path for path in files if path.name != ".lock"]
    if not files:
        return f"killed after {steps} steps, before there was a file", status == CRASHED
    path = random.choice(files)
    DAMAGES[name](path, random)
    return f"{name} {path.relative_to(run.out.parent)} after {steps} steps", status == CRASHED


def limited(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    """Writes that end in the middle of a file."""
    size = random.choice([20_000, 50_000, 100_000, 200_000, 400_000])
    status = ended(run.start(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))))
    return f"no file over {size} bytes, ended with {status}", status == CRASHED


def mount(run: Run, stack: ExitStack, size: int) -> None:
    """Give the run a small disk of its own."""
    disk = str(run.folder / "disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True, capture_output=True)
    stack.callback(subprocess.run, ["umount", disk], check=True)


def remount(run: Run, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(run.folder / "disk")], check=True, capture_output=True)


def full(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    size = 4096 * random.choice([1, 8, 16, 32, 64, 128, 256, 512])
    mount(run, stack, size)
    status = ended(run.start())
    steps = len(run.done())
    remount(run, "size=1g")
    return f"a disk of {size} bytes, ended with {status} after {steps} steps", status == CRASHED


def read_only(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    mount(run, stack, 2**30)
    _, steps = halfway(run, random)
    remount(run, "ro")
    status = ended(run.start())
    remount(run, "rw")
    return f"read-only after {steps} steps, ended with {status}", status not in (FINISHED, REFUSED)


def jumping_clock(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    """The time of day goes back and forth by months."""
    real, jumps = time.time, Random(random.random())

    def prepare() -> None:
        time.time = lambda: real() + jumps.uniform(-1e7, 1e7)

    status = ended(run.start(prepare))
    return f"ended with {status}", status != FINISHED


def two_processes(run: Run, random: Random, stack: ExitStack) -> tuple[str, bool]:
    first = run.start()
    step = random.randint(1, 8)
    run.wait_for_step(first, step)
    second = ended(run.start())
    status = ended(first)
    crashed = status != FINISHED or second not in (REFUSED, FINISHED)  # it may find the first one finished
    return f"a second process after {step} steps ended with {second}", crashed


FAULTS = {name: partial(damaged, name=name) for name in DAMAGES} | {
    "kill": killed,
    "kill twice": partial(killed, times=2),
    "terminate": terminated,
    "write error": limited,
    "full disk": full,
    "read-only": read_only,
    "clock": jumping_clock,
    "two processes": two_processes,
}


def can_mount(folder: Path) -> bool:
    """Whether disks of any size can be made here."""
    with ExitStack() as stack, suppress(OSError, subprocess.CalledProcessError):
        (folder / "disk").mkdir(parents=True)
        mount(Run(folder, "static"), stack, 4096)
        return True
    return False
