"""Train the adapter of the package again: `TO4D_DATA=... python -m to4d_lab.mini.fit_adapter --out DIR`.

On flows alone, as stage 1 of the training, and on clips of the adapter's kinds; the net stays as it is. A run that was
killed goes on from its last checkpoint.
"""

import argparse
from pathlib import Path

import torch

from to4d.guidance.mini.adapter import SHIPPED
from to4d.guidance.mini.weights import SHIPPED as WEIGHTS
from to4d.guidance.mini.weights import load_weights
from to4d_lab.data.dataset import load
from to4d_lab.mini.batches import tokenise
from to4d_lab.mini.low_rank import give_corrections, save_corrections
from to4d_lab.mini.stage_head import tabulate_all
from to4d_lab.mini.train import head_loss
from to4d_lab.mini.trainer import Trainer
from to4d_lab.mini.training_config import TrainingConfig


def fit(config: TrainingConfig, path: Path) -> Path:
    """Train corrections of the shipped head and write them to a file, in half precision."""
    torch.set_num_threads(config.threads)
    net, vocabulary = load_weights(WEIGHTS)
    torch.manual_seed(config.seed)
    corrections = give_corrections(net.requires_grad_(False).head)
    parameters = [each for correction in corrections.values() for each in correction.parameters()]
    trainer = Trainer("adapter", net, [{"params": parameters, "lr": config.head_rate}], config.head_steps, config.out)
    if not trainer.finished():
        clips = load(config.data, "adapter", config.seed, config.clips, config.processes)
        tokens = tokenise(clips, vocabulary)
        table = tabulate_all(net, clips, tokens, config.seed + 1)
        trainer.run(head_loss(net, table, tokens, config))
    return save_corrections(corrections, path, WEIGHTS)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, checkpoints and the curve")
    config = TrainingConfig(
        parser.parse_args().out, clips=12000, head_steps=4000, head_batch=64, head_rate=4e-3, threads=1
    )
    print(f"adapter in {fit(config, SHIPPED)}")


if __name__ == "__main__":
    main()
