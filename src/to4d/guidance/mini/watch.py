"""What a training shows while it runs: samples, its weights so far, and Weights & Biases."""

from pathlib import Path
from pkgutil import resolve_name

from torch import nn

from to4d.guidance.mini.curves import Board
from to4d.guidance.mini.data.dataset import ClipSet
from to4d.guidance.mini.plan import Plan
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance.mini.samples import show_samples
from to4d.guidance.mini.tensors import device_of
from to4d.guidance.mini.trainer import Show
from to4d.guidance.mini.vocabulary import Vocabulary
from to4d.guidance.mini.weights import save_weights


def sampling(
    vocabulary: Vocabulary, clips: ClipSet, plan: Plan, board: Board | None = None, count: int = 8, steps: int = 25
) -> Show:
    """Shows what weights in training make of held-out clips; draws nothing from the training's random numbers."""

    def show(step: int, net: nn.Module) -> None:
        weights = write_weights(net, vocabulary, plan.out / "latest.safetensors")
        prior = MiniPrior(str(weights)).to(device_of(net))
        path = show_samples(prior, clips, plan.out / "samples" / f"joint-{step:05d}.png", count, steps)
        if board is not None:
            board.log_image("joint/samples", [str(path)], step)

    return show


def write_weights(net: nn.Module, vocabulary: Vocabulary, path: Path) -> Path:
    """Write a net, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_weights(net, vocabulary, path.with_suffix(".part")).replace(path)


def weights_and_biases(plan: Plan) -> Board:
    """The program's own dashboard, offline; joined by name as its configuration does, since parts know no callbacks."""
    settings = {"project": "to4d-mini", "name": plan.out.name, "tags": [], "group": None}
    config = {key: value for key, value in vars(plan).items() if key != "out"}
    return resolve_name("to4d.callbacks.dashboard:wandb_logger")(out=str(plan.out), config=config, **settings)
