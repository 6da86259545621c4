"""One run on several devices: a process for each, which share the views of every step.

The first process is the run: it alone takes locks, reads and writes files, logs and measures. The others build the same
phases from the same configuration and train with it, phase by phase, as they are told. They end when it ends, however.
"""

import logging
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from socket import if_nameindex
from threading import Thread
from typing import Any

import torch
from omegaconf import DictConfig, ListConfig, OmegaConf
from torch import distributed

from to4d.distributed import rank_and_world_size
from to4d.errors import InputError
from to4d.runs.chosen_parts import chosen

Task = tuple[str, Path | None]  # a phase, and the autosave that it goes on from
PATIENCE = timedelta(minutes=30)  # with a process that is silent within a step


def devices_of(cfg: DictConfig) -> int:
    """How many devices a run has.

    Raises:
        InputError: if there are not as many, or the views of a phase do not divide among them.
    """
    asked, gpus = cfg.trainer.devices, on_gpus(cfg)
    count = asked if isinstance(asked, int) else len(asked) if isinstance(asked, ListConfig) else 0
    if count < 1:
        raise InputError(f"trainer.devices={asked} must be a number, or a list of GPUs as in [0,1]")
    if count > 1 and gpus and count > torch.cuda.device_count():
        raise InputError(f"trainer.devices={asked}, but there are {torch.cuda.device_count()} GPUs")
    if count > 1 and (other := {"num_nodes", "strategy"} & set(cfg.trainer)):
        raise InputError(
            f"trainer.{min(other)} is of no use with trainer.devices={asked}, which share views; leave it out"
        )
    check_views(cfg, count)
    return count


def check_views(cfg: DictConfig, count: int) -> None:
    """Raise if the views of a phase do not divide among `count` devices."""
    for name, phase in chosen(cfg.phase).items():
        if (views := phase.get("views", 1)) % count:
            raise InputError(
                f"phase.{name}.views={views} does not divide among the {count} of trainer.devices: every device looks "
                f"from equally many views; say phase.{name}.views={-(-views // count) * count}, or take fewer devices"
            )


def on_gpus(cfg: DictConfig) -> bool:
    """Whether the devices are GPUs."""
    return cfg.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def own_device(cfg: DictConfig) -> dict[str, Any]:
    """What tells a trainer the device of this process; nothing if it is alone."""
    rank, count = rank_and_world_size()
    if count == 1:
        return {}
    if not on_gpus(cfg):
        return {"accelerator": "cpu", "devices": 1}
    asked = cfg.trainer.devices
    return {"accelerator": "cuda", "devices": [rank if isinstance(asked, int) else asked[rank]]}


@dataclass
class Team:
    """The other processes of a run; they are started when the first phase is trained.

    Args of the constructor:
        cfg: of the run.
        count: of devices.
        work: what another process does: `work(cfg, tasks)`, a function of a module.
    """

    cfg: DictConfig
    count: int
    work: Callable[[DictConfig, Iterator[Task]], None]
    helpers: list[tuple[BaseProcess, Connection]] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory | None = None  # where they meet

    def tell(self, task: Task) -> None:
        """Let the others train a phase too."""
        if self.count > 1 and not self.helpers:
            self.start()
        for _, line in self.helpers:
            line.send(task)

    def start(self) -> None:
        """Start the others and meet them."""
        spawn, self.folder = multiprocessing.get_context("spawn"), tempfile.TemporaryDirectory(prefix="to4d-")
        cfg = OmegaConf.create(OmegaConf.to_container(self.cfg, resolve=True))  # only here Hydra knows its own names
        for rank in range(1, self.count):
            here, there = spawn.Pipe()
            arguments = self.work, cfg, rank, self.count, self.folder.name, there
            self.helpers.append((spawn.Process(target=_help, args=arguments, daemon=True), here))
            self.helpers[-1][0].start()
            there.close()
        for _, line in self.helpers:
            line.recv()  # it lives; one that could not start would be waited for in vain
        join(cfg, 0, self.count, self.folder.name)

    def end(self, done: bool) -> None:
        """Let the others go; if the work is not `done`, at once."""
        for process, line in self.helpers:
            line.close()
            if not done:
                process.kill()
            process.join()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        if self.folder is not None:
            self.folder.cleanup()
        self.helpers, self.folder = [], None

    def lost(self) -> list[str]:
        """Who ended before its time."""
        for process, _ in self.helpers:
            process.join(1.0)
        ended = [(rank, process.exitcode) for rank, (process, _) in enumerate(self.helpers, 1)]
        return [f"the process of device {rank} ended with status {code}" for rank, code in ended if code is not None]


@contextmanager
def team(cfg: DictConfig, count: int, work: Callable) -> Iterator[Team]:
    """The other processes of a run on `count` devices; at the end they are gone."""
    others, threads = Team(cfg, count, work), torch.get_num_threads()
    try:
        yield others
    except (RuntimeError, EOFError, BrokenPipeError) as error:
        if lost := others.lost():
            raise RuntimeError(f"{'; '.join(lost)}, and says why above; the run goes on when started again") from error
        raise
    else:
        others.end(done=True)
    finally:
        others.end(done=False)
        torch.set_num_threads(threads)


def join(cfg: DictConfig, rank: int, count: int, folder: str) -> None:
    """Meet the other processes, by a file in `folder` and on this machine alone."""
    for name in ("lo", "lo0"):
        if name in [interface for _, interface in if_nameindex()]:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
            os.environ.setdefault("NCCL_SOCKET_IFNAME", name)
    torch.set_num_threads(max(1, torch.get_num_threads() // count))
    backend = "cpu:gloo,cuda:nccl" if on_gpus(cfg) else "gloo"
    store = distributed.FileStore(f"{folder}/store", count)
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=PATIENCE)


def _help(work: Callable, cfg: DictConfig, rank: int, count: int, folder: str, line: Connection) -> None:
    """The whole life of another process. Signals are for the first one, which may still have a step to save."""
    ignore_signals()
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    logging.disable(logging.WARNING)  # the first process has said it
    line.send("alive")
    join(cfg, rank, count, folder)
    work(cfg, _tasks(line))
    distributed.destroy_process_group()


def ignore_signals() -> None:
    """All that ask a program to stop; for the whole process, whichever of its threads gets them."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(signum, signal.SIG_IGN)


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _tasks(line: Connection) -> Iterator[Task]:
    """What the first process says, until it has no more to say."""
    while True:
        try:
            yield line.recv()
        except EOFError:
            return
