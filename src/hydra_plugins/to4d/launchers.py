"""Launchers of the cells of a sweep beside Hydra's own, which does them one by one: submitit (Slurm, local), Ray.

Both run one `CellJob` a cell, and a cell whose process dies is one that failed: the others go on.
"""

import importlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from to4d.errors import InputError
from to4d.runs.config_nodes import plain_dict

log = logging.getLogger(__name__)


@dataclass
class CellJob:
    """What one process does: compose the settings of a cell, as the sweep would, and run it."""

    hydra_context: HydraContext
    task_function: Callable
    config: DictConfig
    singletons: dict
    directory: str  # that relative paths are relative to

    def __call__(self, overrides: list[str], number: int) -> JobReturn:
        """Run the cell."""
        os.chdir(self.directory)
        Singleton.set_state(self.singletons)
        setup_globals()
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def checkpoint(self, *args: Any) -> Any:
        """How submitit queues a preempted job again: as it was, for its folder has the rest."""
        return import_optional("submitit").helpers.DelayedSubmission(self, *args)


class CellLauncher(Launcher):
    """What the launchers share."""

    def setup(self, *, hydra_context: HydraContext, task_function: Callable, config: DictConfig) -> None:
        """Keep what a job needs."""
        self.job = CellJob(hydra_context, task_function, config, Singleton.get_state(), os.getcwd())

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run all cells, and wait for them."""
        cells = [list(overrides) for overrides in job_overrides]
        return self.launch_cells(cells, range(initial_job_idx, initial_job_idx + len(cells)))

    def launch_cells(self, cells: list[list[str]], numbers: Sequence[int]) -> list[JobReturn]:
        """Run cells of any numbers, of which finished ones may be left out, and wait for them."""
        for number, cell in zip(numbers, cells, strict=True):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(cell)))
        return [result_of(cell, get) for cell, get in zip(cells, self.start(cells, numbers), strict=True)]

    def start(self, cells: list[list[str]], numbers: Sequence[int]) -> list[Callable[[], JobReturn]]:
        """Start all cells; each of what is returned waits for one and has its result, or raises."""
        raise NotImplementedError


class SubmititLauncher(CellLauncher):
    """Jobs of submitit: an array of Slurm, or processes of this machine, of which it starts all at once by itself."""

    def __init__(
        self,
        cluster: str,
        folder: str,
        resources: Mapping,
        max_num_timeout: int,
        at_once: int | None = None,
        cells_per_array: int | None = None,
    ) -> None:
        """Keep the settings.

        Args:
            cluster: "slurm" or "local".
            folder: for the logs of the jobs.
            resources: of one job, in submitit's words.
            max_num_timeout: how often a job that runs out of time is queued again; one that is preempted always is.
            at_once: jobs, where the cluster is local. Slurm has `slurm_array_parallelism` in `resources`.
            cells_per_array: at most, on Slurm.
        """
        self.cells_per_array = cells_per_array
        self.cluster, self.folder, self.at_once, self.max_num_timeout = cluster, folder, at_once, max_num_timeout
        self.resources = plain(resources)

    def start(self, cells: list[list[str]], numbers: Sequence[int]) -> list[Callable[[], JobReturn]]:
        """Submit them."""
        timeouts = {f"{self.cluster}_max_num_timeout": self.max_num_timeout}
        executor = import_optional("submitit").AutoExecutor(
            Path(self.folder).absolute(), cluster=self.cluster, **timeouts
        )
        executor.update_parameters(**self.resources)
        if self.cluster == "slurm":
            size = self.cells_per_array or len(cells)
            arrays = [slice(start, start + size) for start in range(0, len(cells), size)]
            return [job.result for a in arrays for job in executor.map_array(self.job, cells[a], numbers[a])]
        jobs = []
        for cell, number in zip(cells, numbers, strict=True):
            while sum(not job.done() for job in jobs) >= (self.at_once or len(cells)):
                time.sleep(0.2)
            jobs.append(executor.submit(self.job, cell, number))
        return [job.result for job in jobs]


class RayLauncher(CellLauncher):
    """Tasks of Ray, on a cluster or on this machine; it tries again where a worker dies (`max_retries`)."""

    def __init__(self, init: Mapping, remote: Mapping) -> None:
        """Keep the settings, in Ray's words: of `ray.init`, and of a task with its resources."""
        self.init, self.remote = plain(init), plain(remote)

    def start(self, cells: list[list[str]], numbers: Sequence[int]) -> list[Callable[[], JobReturn]]:
        """Hand them to the cluster."""
        ray = import_optional("ray")
        if not ray.is_initialized():
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or it reports to its makers
            ray.init(**self.init)
        job, task = ray.put(self.job), ray.remote(**self.remote)(run_cell)
        results = [task.remote(job, cell, number) for cell, number in zip(cells, numbers, strict=True)]
        return [lambda result=result: ray.get(result) for result in results]


def run_cell(job: CellJob, cell: list[str], number: int) -> JobReturn:
    """Ray's tasks are functions."""
    return job(cell, number)


def result_of(cell: list[str], get: Callable[[], JobReturn]) -> JobReturn:
    """The result of a cell; that of a process which died is that it failed."""
    try:
        return get()
    except Exception as error:
        log.error("no result of %s: %s", " ".join(filter_overrides(cell)), error)
        return JobReturn(overrides=cell, status=JobStatus.FAILED, _return_value=error)


def plain(settings: Mapping) -> dict[str, Any]:
    """Settings as a plain dict."""
    return plain_dict(settings, resolve=True) if isinstance(settings, DictConfig) else dict(settings)


def import_optional(name: str) -> ModuleType:
    """Import what only some have.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"this launcher needs {name} ({error}); pip install -e '.[scale]'") from None
