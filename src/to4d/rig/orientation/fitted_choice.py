"""A fitted conditional logit (McFadden 1974): which of several candidates it is, from features of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("orientation.json")
"""Written by `python -m to4d_lab.rig.fit_orientation`."""


@dataclass(frozen=True, eq=False)
class FittedChoice:
    """Weights of F features, and how far to trust them."""

    names: tuple[str, ...]
    mean: NDArray  # (F,)
    scale: NDArray  # (F,)
    weights: NDArray  # (F,)
    doubt: float  # share of objects of new kinds for which the features say nothing

    def probabilities(self, candidates: Sequence[dict[str, float]]) -> NDArray:
        """(K,) of K candidates by their features."""
        score = self._scores(candidates).sum(1)
        share = np.exp(score - score.max())
        return (1 - self.doubt) * share / share.sum() + self.doubt / len(share)

    def contributions(self, candidates: Sequence[dict[str, float]], chosen: int) -> dict[str, float]:
        """What each feature adds to the log odds of a candidate against the mean of the others."""
        scores = self._scores(candidates)
        return dict(zip(self.names, (scores[chosen] - np.delete(scores, chosen, 0).mean(0)).tolist(), strict=True))

    def _scores(self, candidates: Sequence[dict[str, float]]) -> NDArray:
        """(K, F) what each feature adds to each candidate's score."""
        x = np.array([[features[name] for name in self.names] for features in candidates])
        return (x - self.mean) / self.scale * self.weights


@cache
def load_choices() -> Mapping[str, FittedChoice]:
    """The choices of `up` and `front` that ship."""
    return {name: _choice(table) for name, table in json.loads(FILE.read_text()).items()}


def _choice(table: dict) -> FittedChoice:
    mean, scale, weights = (np.array(table[key]) for key in ("mean", "scale", "weights"))
    return FittedChoice(tuple(table["names"]), mean, scale, weights, table["doubt"])
