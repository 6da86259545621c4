"""The grid sweeper of train.py: finished cells are skipped, and a cell that fails does not end the sweep."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from to4d.cli import print_error
from to4d.disk.files import write_atomically
from to4d.disk.run_state import one_line
from to4d.disk.source_hash import package_hash
from to4d.errors import InputError
from to4d.runs.sweep import COUNT, STAMP, finished_cells

log = logging.getLogger(__name__)


class CellFailed(InputError):
    """Why a cell failed, in one line that survives any transport."""


class GridSweeper(BasicSweeper):
    """Hydra's basic sweeper, which also skips finished cells and goes on after failed ones.

    A cell is known by its settings on the command line, all files of the configuration and the code (`stamp`). Those
    that finished before with the same ones are skipped before they are composed, which is what a finished cell costs.
    """

    config: Any  # these three are set by `setup`
    hydra_context: Any
    launcher: Any

    def setup(self, *, hydra_context: HydraContext, task_function: Callable, config: DictConfig) -> None:
        """Have the task leave a stamp in the folder of each cell that it finishes."""
        sources = config.hydra.runtime.config_sources
        self.digest = config_hash([Path(source.path) for source in sources if source.schema == "file"]) + package_hash()
        super().setup(hydra_context=hydra_context, task_function=CellTask(task_function, self.digest), config=config)

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Run the cells of the command line; bad input is one line and status 2, as for one run."""
        try:
            return self.run_cells(arguments)
        except InputError as error:
            raise SystemExit(print_error(str(error))) from None

    def run_cells(self, arguments: list[str]) -> list[JobReturn]:
        """Run all cells that are not finished; the exit status is 1 if any failed."""
        ((*cells,),) = self.split_arguments(self.overrides_of(arguments), None)
        folder = self.prepare(len(cells))
        todo = list(enumerate(cells))
        if self.config.get("skip_finished"):
            known = finished_cells(folder)
            todo = [(number, cell) for number, cell in todo if cell_key(self.digest, cell) not in known]
            log.info("%d of %d cells are finished", len(cells) - len(todo), len(cells))
        results = self.launch(todo) if todo else []
        if failures := log_failures(results, set.intersection(*map(set, cells))):
            log.error("%d of %d cells failed; the same line tries them again", failures, len(cells))
            raise SystemExit(1)
        return results

    def overrides_of(self, arguments: list[str]) -> list[Override]:
        """The settings of the configuration's `params`, and those of the command line."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        return parser.parse_overrides([*self._parse_config(), *arguments])

    def prepare(self, count: int) -> Path:
        """The folder of the sweep, with what `to4d.runs.sweep` wants to know."""
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        write_atomically(folder / COUNT, str(count).encode())
        return folder

    def launch(self, todo: list[tuple[int, list[str]]]) -> list[JobReturn]:
        """Hand numbered cells to the launcher: all at once to ours; one by one to Hydra's, which ends at an error."""
        self.validate_batch_is_legal([todo[0][1]])  # what is wrong with one setting is wrong with all cells
        if not isinstance(self.launcher, BasicLauncher):
            return self.launcher.launch_cells([cell for _, cell in todo], [number for number, _ in todo])
        results = []
        for number, cell in todo:
            try:
                results += self.launcher.launch([cell], number)
            except Exception as error:
                results.append(JobReturn(overrides=cell, status=JobStatus.FAILED, _return_value=error))
        return results


def log_failures(results: Sequence[JobReturn], shared: set[str]) -> int:
    """Log which cells failed and why, by the settings that they do not share; returns their number."""
    failures = [result for result in results if result.status is not JobStatus.COMPLETED]
    for result in failures:
        name = " ".join(override for override in result.overrides or () if override not in shared)
        log.error("failed: %s: %s", name, one_line(result._return_value))
    return len(failures)


@dataclass
class CellTask:
    """The task of one cell, which leaves a stamp in its folder when it is finished."""

    task: Callable
    digest: str

    def __call__(self, cfg: DictConfig) -> Any:
        """Do it, and leave the stamp.

        Raises:
            CellFailed: with the reason; what ends the process on purpose ends the sweep.
        """
        hydra_cfg = HydraConfig.get()
        try:
            result = self.task(cfg)
        except SystemExit as end:
            if not isinstance(end.__context__, Exception) or end.code != 2:  # `report_user_errors` has printed it
                raise
            raise CellFailed(one_line(end.__context__)) from None
        except Exception as error:
            log.exception("this cell failed")
            raise CellFailed(one_line(error)) from None
        write_atomically(
            Path(hydra_cfg.runtime.output_dir) / STAMP, cell_key(self.digest, hydra_cfg.overrides.task).encode()
        )
        return result


def cell_key(digest: str, overrides: Sequence[str]) -> str:
    """What tells a cell of one set of configuration files and one state of the code from any other."""
    return hashlib.sha256(json.dumps([digest, sorted(overrides)]).encode()).hexdigest()


def config_hash(folders: Sequence[Path]) -> str:
    """A hash of all configuration files in some folders."""
    total = hashlib.sha256()
    for root in folders:
        for folder, below, files in os.walk(root, followlinks=True):
            below.sort()
            for path in (Path(folder) / name for name in sorted(files) if name.endswith(".yaml")):
                total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()
