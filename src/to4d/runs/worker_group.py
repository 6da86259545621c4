"""One run on several devices: a process for each, which share the views of every step.

Rank 0 is the process of the run: it alone takes locks, reads and writes files, logs and measures. The workers are ranks
1 and up: they build the same phases from the same configuration and train each phase that rank 0 names, and they exit
when it exits, however.
"""

import logging
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
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
from omegaconf import DictConfig, ListConfig
from torch import distributed

from to4d.distributed import rank_and_world_size
from to4d.errors import InputError
from to4d.runs.config_nodes import chosen, plain_dict

Task = tuple[str, Path | None]  # a phase, and the autosave that it goes on from
TIMEOUT = timedelta(minutes=30)  # with a process that is silent within a step


def devices_of(cfg: DictConfig) -> int:
    """How many devices a run has.

    Raises:
        InputError: if there are not as many, or the views of a phase do not divide among them.
    """
    asked, gpus = cfg.trainer.devices, uses_gpus(cfg)
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
                f"phase.{name}.views={views} does not divide among the {count} of trainer.devices, which "
                f"render equally many views; say phase.{name}.views={-(-views // count) * count}, or take fewer devices"
            )


def uses_gpus(cfg: DictConfig) -> bool:
    """Whether the devices are GPUs."""
    return cfg.trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def device_of_rank(cfg: DictConfig) -> dict[str, Any]:
    """What tells a trainer the device of this process; nothing if it is alone."""
    rank, count = rank_and_world_size()
    if count == 1:
        return {}
    if not uses_gpus(cfg):
        return {"accelerator": "cpu", "devices": 1}
    asked = cfg.trainer.devices
    return {"accelerator": "cuda", "devices": [rank if isinstance(asked, int) else asked[rank]]}


@dataclass
class WorkerGroup:
    """The workers of a run; they are started when the first phase is trained.

    Args of the constructor:
        cfg: of the run.
        count: of devices.
        work: what a worker does: `work(cfg, tasks)`, a function of a module.
    """

    cfg: DictConfig
    count: int
    work: Callable[[DictConfig, Iterator[Task]], None]
    workers: list[tuple[BaseProcess, Connection]] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory | None = None  # of the file store, by which the processes meet

    def train_phase(self, task: Task) -> None:
        """Have the workers train a phase too."""
        if self.count > 1 and not self.workers:
            self.start()
        for _, pipe in self.workers:
            pipe.send(task)

    def start(self) -> None:
        """Start the workers and form one process group with them."""
        spawn, self.folder = multiprocessing.get_context("spawn"), tempfile.TemporaryDirectory(prefix="to4d-")
        cfg = DictConfig(plain_dict(self.cfg, resolve=True))  # only here Hydra knows its own names
        for rank in range(1, self.count):
            here, there = spawn.Pipe()
            arguments = self.work, cfg, rank, self.count, self.folder.name, there
            self.workers.append((spawn.Process(target=_worker_process, args=arguments, daemon=True), here))
            self.workers[-1][0].start()
            there.close()
        for _, pipe in self.workers:
            pipe.recv()  # it lives; one that could not start would be waited for in vain
        join_process_group(cfg, 0, self.count, self.folder.name)

    def stop(self, done: bool) -> None:
        """Wait until the workers have finished; kill them if the work is not `done`."""
        for process, pipe in self.workers:
            pipe.close()
            if not done:
                process.kill()
            process.join()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        if self.folder is not None:
            self.folder.cleanup()
        self.workers, self.folder = [], None

    def exited_workers(self) -> list[str]:
        """The workers that have exited, in words."""
        for process, _ in self.workers:
            process.join(1.0)
        ended = [(rank, process.exitcode) for rank, (process, _) in enumerate(self.workers, 1)]
        return [f"the process of device {rank} ended with status {code}" for rank, code in ended if code is not None]


@contextmanager
def worker_group(cfg: DictConfig, count: int, work: Callable) -> Generator[WorkerGroup]:
    """The workers of a run on `count` devices; at the end they have exited."""
    group, threads = WorkerGroup(cfg, count, work), torch.get_num_threads()
    try:
        yield group
    except (RuntimeError, EOFError, BrokenPipeError) as error:
        if exited := group.exited_workers():
            raise RuntimeError(
                f"{'; '.join(exited)}, and says why above; the run goes on when started again"
            ) from error
        raise
    else:
        group.stop(done=True)
    finally:
        group.stop(done=False)
        torch.set_num_threads(threads)


def join_process_group(cfg: DictConfig, rank: int, count: int, folder: str) -> None:
    """Join the process group of a run, which meets by a file in `folder`, on this machine alone."""
    for name in ("lo", "lo0"):
        if name in [interface for _, interface in if_nameindex()]:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
            os.environ.setdefault("NCCL_SOCKET_IFNAME", name)
    torch.set_num_threads(max(1, torch.get_num_threads() // count))
    backend = "cpu:gloo,cuda:nccl" if uses_gpus(cfg) else "gloo"
    store = distributed.FileStore(f"{folder}/store", count)
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=TIMEOUT)


def _worker_process(work: Callable, cfg: DictConfig, rank: int, count: int, folder: str, pipe: Connection) -> None:
    """All that a worker does. It ignores signals: rank 0 handles them, which may still have a step to save."""
    ignore_signals()
    Thread(target=_exit_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    logging.disable(logging.WARNING)  # the first process has said it
    pipe.send("alive")
    join_process_group(cfg, rank, count, folder)
    work(cfg, _tasks(pipe))
    distributed.destroy_process_group()


def ignore_signals() -> None:
    """All that ask a program to stop; for the whole process, whichever of its threads gets them."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(signum, signal.SIG_IGN)


def _exit_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _tasks(pipe: Connection) -> Iterator[Task]:
    """What the first process says, until it has no more to say."""
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return
