"""Finished runs on disk: their tasks, their settings and what was measured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from to4d.disk.files import read_checked
from to4d.errors import InputError
from to4d.report.evaluations import common_source, read_json


@dataclass(frozen=True)
class FinishedRun:
    """One cell of a table: a method applied to one object and prompt, with one seed."""

    folder: Path
    method: str
    object: str
    prompt: str
    seed: int
    metrics: Mapping[str, Any]  # `eval/<name>` and `export/<name>`, null where not computed
    settings: Mapping[str, Any]  # config.yaml

    @property
    def cell(self) -> tuple[str, str, int]:
        """What runs share that differ only in their method."""
        return self.object, self.prompt, self.seed

    def value(self, name: str) -> float | None:
        """A figure by its name without `eval/`, as a number; None if it was not computed."""
        value = self.metrics.get(f"eval/{name}")
        return float(value) if isinstance(value, (bool, int, float)) else None


def read_runs(named: Mapping[str, str | None]) -> tuple[list[FinishedRun], str, int]:
    """All finished runs in some folders or below.

    Args:
        named: folder -> the method of its runs; None takes what their configuration says (`method`).

    Returns:
        The runs; the file that their figures are of, which is one for all; how many unfinished runs were left out.

    Raises:
        InputError: if there is none.
    """
    found = {
        path.parent: method for folder, method in named.items() for path in sorted(Path(folder).rglob("config.yaml"))
    }
    found = {folder: method for folder, method in found.items() if folder.name != ".hydra" and not is_several(folder)}
    measured = ("metrics.json", "evaluation.json")  # a peer has only the latter
    finished = {
        folder: method for folder, method in found.items() if any((folder / name).is_file() for name in measured)
    }
    if not finished:
        raise InputError(f"no finished run in {', '.join(named)}: none holds a config.yaml and a metrics.json")
    source = common_source(finished)
    if missing := [folder for folder in finished if not (folder / source).is_file()]:
        raise InputError(
            f"{missing[0]} was measured by evaluate.py alone; measure the others so too, with the same views and frames"
        )
    runs = [read_run(folder, method, source) for folder, method in finished.items()]
    return runs, source, len(found) - len(finished)


def is_several(folder: Path) -> bool:
    """Whether it is the folder of several prompts or seeds (`to4d.runs.animate`), whose runs lie below it."""
    path = folder / "metrics.json"
    return path.is_file() and "clips" in read_json(path)


def read_run(folder: Path, method: str | None, source: str) -> FinishedRun:
    """A finished run.

    Raises:
        InputError: if a file of it is damaged.
    """
    try:
        settings = yaml.safe_load(read_checked(folder / "config.yaml"))
        metrics = read_json(folder / source)
        name = object_name(settings["object"])
        return FinishedRun(
            folder=folder,
            method=method or method_name(folder, settings),
            object=name,
            prompt=settings["prompt"],
            seed=settings["seed"],
            metrics=metrics,
            settings=settings,
        )
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{folder} cannot be read as a run ({error!r}); leave it out of runs=...") from error


def method_name(folder: Path, settings: Mapping[str, Any]) -> str:
    """What a run's method is called: by its configuration, or else by the folder above.

    Raises:
        InputError: if the run is older than that setting.
    """
    if "row" in settings:
        name = settings["row"]
        raise InputError(f"{folder} is from before 0.2 and has `row`, not `method`; name it with runs={{{name}: DIR}}")
    return settings.get("method") or folder.parent.name


def object_name(settings: Mapping[str, Any]) -> str:
    """What an object is called, from its part of the configuration.

    >>> object_name({"path": "meshes/robot.glb", "noun": "machine"}), object_name({"folder": "gso_mario"})
    ('robot', 'gso_mario')
    """
    if settings.get("path"):
        return Path(settings["path"]).stem
    return str(settings.get("folder") or settings.get("model") or settings.get("noun"))


def check_pairs(runs: Iterable[FinishedRun]) -> None:
    """See that no cell is filled twice.

    Raises:
        InputError: naming two runs of the same method, object, prompt and seed.
    """
    first: dict[tuple, FinishedRun] = {}
    for run in runs:
        other = first.setdefault((run.method, *run.cell), run)
        if other is not run:
            raise InputError(
                f"{other.folder} and {run.folder} are the same cell ({run.method}, {run.object}, {run.prompt!r}, "
                f"seed {run.seed}); name their methods: 'runs={{first: DIR, second: DIR}}'"
            )
