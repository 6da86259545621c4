"""What a training shows while it runs: samples, its weights so far, and Weights & Biases."""

from torch import nn

from to4d.callbacks.dashboard import wandb_logger
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance.mini.vocabulary import Vocabulary
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.compute import device_of
from to4d_lab.mini.learning_curves import Board
from to4d_lab.mini.sample_sheets import show_samples
from to4d_lab.mini.trainer import Show
from to4d_lab.mini.training_config import TrainingConfig
from to4d_lab.mini.weight_files import write_weights


def sampling(
    vocabulary: Vocabulary,
    clips: ClipSet,
    config: TrainingConfig,
    board: Board | None = None,
    count: int = 8,
    steps: int = 25,
) -> Show:
    """Shows what weights in training make of held-out clips; draws nothing from the training's random numbers."""

    def show(step: int, net: nn.Module) -> None:
        weights = write_weights(net, vocabulary, config.out / "latest.safetensors")
        prior = MiniPrior(str(weights)).to(device_of(net))
        path = show_samples(prior, clips, config.out / "samples" / f"joint-{step:05d}.png", count, steps)
        if board is not None:
            board.log_image("joint/samples", [str(path)], step)

    return show


def weights_and_biases(config: TrainingConfig) -> Board:
    """Weights & Biases, offline."""
    hyperparameters = {key: value for key, value in vars(config).items() if key != "out"}
    return wandb_logger(str(config.out), "to4d-mini", config.out.name, tags=[], group=None, config=hyperparameters)
