"""A sweeper that looks for the best settings, with Optuna. What it knows is in a database: a stopped search goes on."""

import json
import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus

from hydra_plugins.to4d.cells import GridSweeper, log_failures
from hydra_plugins.to4d.launchers import import_optional
from to4d.disk.files import read_checked, write_atomically
from to4d.errors import InputError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


class OptunaSweeper(GridSweeper):
    """Trials are cells, numbered from 0; each is drawn from the seed and from the figures of those before it."""

    def __init__(
        self, metric: str, direction: str, trials: int, at_once: int, seed: int, storage: str, **sweeper: Any
    ) -> None:
        """Keep the settings.

        Args:
            metric: of `metrics.json`.
            direction: "minimize" or "maximize".
            trials: that come to a figure, in all.
            at_once: trials that are drawn, and done, together.
            seed: of what is drawn.
            storage: a database, as SQLAlchemy names it.
            sweeper: what Hydra's own takes.
        """
        super().__init__(**sweeper)
        self.metric, self.direction, self.storage = metric, direction, storage
        self.trials, self.at_once, self.seed = trials, at_once, seed

    def run_cells(self, arguments: list[str]) -> list[JobReturn]:
        """Do the trials that are left; the exit status is 1 if any failed."""
        overrides, results = self.overrides_of(arguments), []
        swept = [override for override in overrides if override.is_sweep_override()]
        fixed = [*(str(o.input_line) for o in overrides if o not in swept), "skip_finished=true"]
        folder = self.prepare(self.trials)
        study = self.study([str(override.input_line) for override in overrides])
        for batch in self.batches(study, {o.get_key_element(): distribution(o) for o in swept}):
            cells = [(trial.number, [*fixed, *settings(trial.params)]) for trial in batch]
            for trial, result in zip(batch, self.launch(cells), strict=True):
                figure = self.figure(result)
                study.tell(trial.number, figure, state=None if figure is not None else state("FAIL"))
                results.append(result)
        if study.get_trials(states=(state("COMPLETE"),)):
            write_best(study, self.metric, folder / "best.json")
        if failures := log_failures(results, set(fixed)):
            log.error("%d trials failed; the same line draws others in their place", failures)
            raise SystemExit(1)
        return results

    def study(self, overrides: list[str]) -> "Study":
        """What is known of this search.

        Raises:
            InputError: if the database holds another one.
        """
        optuna = import_optional("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        known = {"study_name": "to4d", "direction": self.direction, "load_if_exists": True}
        study = optuna.create_study(storage=self.storage, **known)
        known_settings = {"settings": sorted(overrides), "metric": self.metric, "direction": self.direction}
        if study.user_attrs.setdefault("search", known_settings) != known_settings:
            raise InputError(f"{self.storage} holds a search with other settings; choose another out=DIR")
        study.set_user_attr("search", known_settings)
        return study

    def batches(self, study: "Study", space: Mapping[str, "BaseDistribution"]) -> Iterator[list["FrozenTrial"]]:
        """Trials to do next, until there are enough: first those that were interrupted."""
        interrupted = study.get_trials(states=(state("RUNNING"),))
        left = self.trials - len(study.get_trials(states=(state("COMPLETE"),)))
        for start in range(0, left, self.at_once):
            again = interrupted[start : start + min(self.at_once, left - start)]
            new = min(self.at_once, left - start) - len(again)
            yield again + [self.drawn(study, space) for _ in range(new)]

    def drawn(self, study: "Study", space: Mapping[str, "BaseDistribution"]) -> "FrozenTrial":
        """A new trial; a function of the seed and of what the study knows."""
        study.sampler = import_optional("optuna").samplers.TPESampler(seed=self.seed + len(study.trials))
        number = study.ask(dict(space)).number
        return study.trials[number]

    def figure(self, result: JobReturn) -> float | None:
        """What a trial came to; None if it failed, or was not measured.

        Raises:
            InputError: if there is no such figure.
        """
        if result.status is not JobStatus.COMPLETED:
            return None
        metrics = json.loads(read_checked(Path(cast(Any, result.hydra_cfg).hydra.runtime.output_dir) / "metrics.json"))
        if self.metric not in metrics:
            near = " or ".join(get_close_matches(self.metric, metrics, 3, 0.0))
            raise InputError(f"hydra.sweeper.metric={self.metric} is no figure of metrics.json; did you mean {near}?")
        return metrics[self.metric]


def state(name: str) -> Any:
    """A state of a trial in Optuna's words."""
    return import_optional("optuna").trial.TrialState[name]


def distribution(override: Override) -> "BaseDistribution":
    """Where a setting lies: `interval(0.1, 1)`, `tag(log, interval(0.1, 1))`, `int(interval(1, 8))`; else a choice."""
    kinds, sweep = import_optional("optuna").distributions, cast(Any, override.value())
    if not override.is_interval_sweep():
        return kinds.CategoricalDistribution(list(override.sweep_string_iterator()))
    kind = kinds.IntDistribution if isinstance(sweep.start, int) else kinds.FloatDistribution
    return kind(sweep.start, sweep.end, log="log" in sweep.tags)


def settings(params: Mapping[str, Any]) -> list[str]:
    """A trial on the command line.

    >>> settings({"seed": 3, "phase": "[static]"})
    ['seed=3', 'phase=[static]']
    """
    return [f"{key}={value}" for key, value in params.items()]


def write_best(study: "Study", metric: str, path: Path) -> None:
    """Say and write down what is best so far."""
    best = study.best_trial
    best_trial = {"trial": best.number, metric: best.value, "settings": settings(best.params)}
    write_atomically(path, json.dumps(best_trial, indent=1).encode())
    log.info("best: trial %d, %s=%s: %s", best.number, metric, best.value, " ".join(best_trial["settings"]))
