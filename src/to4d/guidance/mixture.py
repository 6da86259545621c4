"""Several priors in the place of one: `guidance=4dfy` (4D-fy, Bahmani et al. 2024, takes turns among three)."""

from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from to4d.errors import InputError
from to4d.protocols import SEVERAL_PRIORS, Prior
from to4d.types import Prompt


class Mixture(nn.Module):
    """Priors by name, of which `distillation.MixedDistillation` queries one a step. Elsewhere the first stands for all.

    Args:
        size: of all parts; their configurations refer to it.
        parts: the priors, for clips of one length.
    """

    def __init__(self, size: str, parts: Mapping[str, Prior]) -> None:
        super().__init__()
        lengths = {name: part.frames for name, part in parts.items()}
        if len(set(lengths.values())) != 1:
            raise InputError(f"guidance.parts know clips of different lengths, {lengths}; give them the same")
        self.size = size
        self.parts: Mapping[str, Prior] = cast(Any, nn.ModuleDict(cast(Any, parts)))  # every prior is a module
        self.frames = next(iter(parts.values())).frames
        self.abilities = frozenset.intersection(*(part.abilities for part in parts.values())) | {SEVERAL_PRIORS}

    def train(self, mode: bool = True) -> "Mixture":
        """Stays in evaluation mode, whatever its owner does."""
        return super().train(False)

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """What any part has never seen."""
        return [word for part in self.parts.values() for word in part.unknown_words(text)]

    def check_prompt(self, prompt: Prompt) -> None:
        """Find out, before any work, whether all parts can read a prompt.

        Raises:
            InputError: if one cannot.
        """
        for part in self.parts.values():
            part.check_prompt(prompt)
