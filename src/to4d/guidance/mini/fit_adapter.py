"""Train the adapter of the package again: `TO4D_DATA=... python -m to4d.guidance.mini.fit_adapter --out DIR`.

On flows alone, as stage 1 of the training, and on clips of the adapter's kinds; the net stays as it is. A run that was
killed goes on from its last checkpoint.
"""

import argparse
from pathlib import Path

import torch

from to4d.guidance.mini.adapter import SHIPPED, give_corrections, save_corrections
from to4d.guidance.mini.batches import tokenise
from to4d.guidance.mini.data.dataset import load
from to4d.guidance.mini.plan import Plan
from to4d.guidance.mini.stage_head import tabulate_all
from to4d.guidance.mini.train import head_loss
from to4d.guidance.mini.trainer import Trainer
from to4d.guidance.mini.weights import SHIPPED as WEIGHTS
from to4d.guidance.mini.weights import load_weights


def fit(plan: Plan, path: Path) -> Path:
    """Train corrections of the shipped head and write them to a file, in half precision."""
    torch.set_num_threads(plan.threads)
    net, vocabulary = load_weights(WEIGHTS)
    torch.manual_seed(plan.seed)
    corrections = give_corrections(net.requires_grad_(False).head)
    parameters = [each for correction in corrections.values() for each in correction.parameters()]
    trainer = Trainer("adapter", net, [{"params": parameters, "lr": plan.head_rate}], plan.head_steps, plan.out)
    if not trainer.finished():
        clips = load(plan.data, "relearnt", plan.seed, plan.clips, plan.processes)
        tokens = tokenise(clips, vocabulary)
        table = tabulate_all(net, clips, tokens, plan.seed + 1)
        trainer.run(head_loss(net, table, tokens, plan))
    return save_corrections(corrections, path, WEIGHTS)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, checkpoints and the curve")
    plan = Plan(parser.parse_args().out, clips=12000, head_steps=4000, head_batch=64, head_rate=4e-3, threads=1)
    print(f"adapter in {fit(plan, SHIPPED)}")


if __name__ == "__main__":
    main()
