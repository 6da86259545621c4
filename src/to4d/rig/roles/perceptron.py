"""Small fitted networks: ensembles of perceptrons with one hidden layer, as plain arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 5.0  # standard deviations from the mean that an input may count as


@dataclass(frozen=True)
class Perceptrons:
    """E networks with F inputs, H hidden units and O outputs each."""

    mean: NDArray  # (F,) of the inputs
    deviation: NDArray  # (F,)
    hidden: NDArray  # (E, H, F)
    hidden_bias: NDArray  # (E, H)
    out: NDArray  # (E, O, H)
    out_bias: NDArray  # (E, O)

    def __call__(self, inputs: NDArray) -> NDArray:
        """(E, n, O) outputs for inputs (n, F)."""
        scaled = np.clip((inputs - self.mean) / self.deviation, -LIMIT, LIMIT)
        hidden = np.tanh(np.einsum("nf,ehf->enh", scaled, self.hidden) + self.hidden_bias[:, None])
        return np.einsum("enh,eoh->eno", hidden, self.out) + self.out_bias[:, None]

    def arrays(self, name: str) -> dict[str, NDArray]:
        """Its arrays by name, for `from_arrays`."""
        return {f"{name}.{key}": value for key, value in vars(self).items()}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray], name: str) -> "Perceptrons":
        """The inverse of `arrays`."""
        return Perceptrons(**{key: arrays[f"{name}.{key}"].astype(np.float64) for key in Perceptrons.__annotations__})


def softmax(logits: NDArray, axis: int) -> NDArray:
    """Probabilities along an axis."""
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
