"""The base of callbacks that work on a training phase."""

from typing import ClassVar, cast

from lightning import Callback, LightningModule

from to4d.phases import Phase


class PhaseCallback(Callback):
    """A Lightning callback of a phase. It runs on rank 0 alone unless it changes the 4D model: see `on_every_rank`."""

    on_every_rank: ClassVar[bool] = False


def phase_of(pl_module: LightningModule) -> Phase:
    """The module of a callback's hook as what it is: trainers of this package train phases alone."""
    return cast(Phase, pl_module)


def runs_on_every_rank(kind: type) -> bool:
    """Whether callbacks of this class, which may be any of Lightning's, run on every rank."""
    return issubclass(kind, PhaseCallback) and kind.on_every_rank
