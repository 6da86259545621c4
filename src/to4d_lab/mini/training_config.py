"""All numbers of a training, and the command line that sets them."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainingConfig:
    """The defaults; docs/mini_prior.md has the command that made the shipped weights."""

    out: Path
    seed: int = 0
    clips: int = 16000
    table_clips: int = 16000
    head_steps: int = 3000
    head_batch: int = 96
    head_rate: float = 1.2e-3
    joint_steps: int = 3600
    joint_last: int = 0  # stop stage 2 after this step, as if the time was up; 0 is never
    joint_batch: int = 12
    trunk_rate: float = 1.2e-3
    later_head_rate: float = 4e-4
    attention_weight: float = 0.3  # of the loss of the attention to the noun
    sample_every: int = 1000  # steps of stage 2 between sheets of samples; 0 is never
    threads: int = 2  # of the CPU, for each batch in the making
    processes: int = 2  # that make clips
    prefetch: int = 0  # batches in the making beside the step
    precision: str = "float32"
    start: Path | None = None
    device: str = "cpu"
    wandb: bool = False

    @property
    def data(self) -> Path:
        """Where the clips are kept."""
        return self.out / "data"


HELP = {
    "clips": "clips to train on",
    "table_clips": "of these, the clips whose flows teach the head",
    "joint_last": "stop stage 2 after this step and keep its averaged weights; 0 goes to the end",
    "joint_batch": "noised clips a step of stage 2",
    "sample_every": "steps of stage 2 between sheets of samples; 0 is never",
    "attention_weight": "of the loss of the attention to the noun",
    "threads": "of the CPU, for the step and for each batch in the making",
    "processes": "that make the clips",
    "prefetch": "batches in the making while a step is computed; 0 where the CPU computes it",
    "head_rate": "highest learning rate of stage 1",
    "trunk_rate": "highest learning rate of the trunk",
    "later_head_rate": "highest learning rate of head and words in stage 2",
}


def parse_args(words: Sequence[str] | None, description: str) -> TrainingConfig:
    """The config of a command line; None is the program's own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, checkpoints, curves and weights")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=TrainingConfig.device, help="where to train")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default=TrainingConfig.precision,
        help="of matrix products; bfloat16 is ten times slower on CPUs that are not built for it",
    )
    parser.add_argument("--start", type=Path, default=None, help="weights of an earlier training to go on from")
    parser.add_argument("--wandb", action="store_true", help="log to Weights & Biases too, offline in OUT/wandb")
    for name, default in (
        (n, getattr(TrainingConfig, n))
        for n in TrainingConfig.__annotations__
        if n not in ("out", "start", "device", "precision", "wandb")
    ):
        text = f"{HELP.get(name, name.replace('_', ' '))} (default {default})"
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)
    return TrainingConfig(**vars(parser.parse_args(words)))
