"""A real run that something happens to; and what became of it once it was started again."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from happenings import FAULTS
from tiny_run import CRASHED, FINISHED, PROGRAMS, Run, ended

from to4d.disk.checkpoint import load_tree
from to4d.errors import InputError

KINDS = tuple(FAULTS)


@dataclass(frozen=True)
class Result:
    """What a finished run came to."""

    model: dict[str, torch.Tensor]
    metrics: dict

    @classmethod
    def of(cls, run: Run) -> "Result":
        """Reads it; where the model was damaged after the end, makes it again as docs/reliability.md says."""
        try:
            model = load_tree(run.out / "model.safetensors")
        except InputError:
            (run.out / "metrics.json").unlink()
            run.finish()
            model = load_tree(run.out / "model.safetensors")
        return cls(model, json.loads((run.out / "metrics.json").read_text()))

    def same(self, other: "Result") -> bool:
        models = self.model.keys() == other.model.keys() and all(
            torch.equal(value, other.model[key]) for key, value in self.model.items()
        )
        return models and self.metrics == other.metrics


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    seed: int
    kind: str
    program: str
    what: str  # happened, in words
    verdict: str  # "same", "silent damage", "crash", "lost"
    lost: int  # steps that were done before it was started again, and after
    refused: tuple[str, ...] = ()  # messages on the way


def suffer(seed: int, folder: Path, truth: dict[str, Result], kinds: tuple[str, ...] = KINDS) -> Outcome:
    """Let the fault of a seed happen to a run of its own in `folder`, and see it to its end."""
    random = Random(seed)
    kind = kinds[seed % len(kinds)]
    run = Run(folder, "all" if random.random() < 0.125 else "static")
    run.out.parent.mkdir(parents=True)
    with ExitStack() as stack:
        what, crashed = FAULTS[kind](run, random, stack)
        before = run.done()
        status, refused = run.finish()
        lost = len(set(before) & set(run.done()[len(before) :]))
        outcome = Outcome(seed, kind, run.program, what, "lost", lost, tuple(refused))
        if crashed or status == CRASHED:
            return replace(outcome, verdict="crash")
        if status != FINISHED:
            return outcome
        result = Result.of(run)
        return replace(outcome, verdict="same" if result.same(truth[run.program]) else "silent damage")


def truths(folder: Path) -> dict[str, Result]:
    """What each program comes to if nothing happens.

    Raises:
        RuntimeError: if it does not end well.
    """
    found = {}
    for program in PROGRAMS:
        run = Run(folder / program, program)
        run.out.parent.mkdir(parents=True)
        if ended(run.start()) != FINISHED:
            raise RuntimeError(f"a run that nothing happens to failed:\n{run.said.read_text()}")
        found[program] = Result.of(run)
    return found
