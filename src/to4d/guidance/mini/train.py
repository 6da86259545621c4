"""Train the embedded prior from one seed: `python -m to4d.guidance.mini.train --out DIR`.

The order: make the clips, fit codec and templates, train the head on flows (stage 1), train everything on noised clips
while the head goes on (stage 2), write the weights. Every step draws from (seed, step) and the numbers of steps are
fixed, so a run that was stopped goes on from its last checkpoint to the same weights as one that was not (same machine
and threads).
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from to4d.guidance.mini.batches import augmented, fit_codec, flow_coefficients, take, tokenise, trimmed, typical_flows
from to4d.guidance.mini.data.dataset import ClipSet, load
from to4d.guidance.mini.data.objects import vocabulary_words
from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.schedule import STEPS, alpha_bar
from to4d.guidance.mini.stage_head import Table, head_errors, joined, tabulate
from to4d.guidance.mini.stage_joint import joint_loss
from to4d.guidance.mini.trainer import Loss, Trainer
from to4d.guidance.mini.vocabulary import Tokens, Vocabulary
from to4d.guidance.mini.weights import save_weights
from to4d.types import generator_at


@dataclass(frozen=True)
class Plan:
    """All numbers of a training; the defaults made the shipped weights."""

    out: Path
    seed: int = 0
    clips: int = 12000
    head_steps: int = 3000
    head_batch: int = 96
    head_rate: float = 1.2e-3
    joint_steps: int = 2600
    joint_batch: int = 12
    trunk_rate: float = 1.2e-3
    later_head_rate: float = 4e-4
    threads: int = 2

    @property
    def data(self) -> Path:
        """Where the clips are kept."""
        return self.out / "data"


def random_steps(count: int, rng: torch.Generator) -> Tensor:
    """Diffusion steps (count,), spread evenly over the schedule from a random start."""
    spread = (torch.rand(1, generator=rng) + torch.arange(count) / count) % 1.0
    return (spread * STEPS).long().clamp(0, STEPS - 1)


def tabulate_all(net: MiniNet, clips: ClipSet, tokens: Tokens, seed: int, size: int = 16) -> Table:
    """Stage 1's table of every clip once, augmented."""

    def parts() -> Iterator[Table]:
        for start in range(0, len(clips), size):
            rows = torch.arange(start, min(start + size, len(clips))).numpy()
            yield tabulate(net, augmented(take(clips, tokens, rows), generator_at(seed, start)))

    return joined(list(parts()))


def fit_parts(net: MiniNet, clips: ClipSet, tokens: Tokens, plan: Plan) -> None:
    """Codec from frames, templates from flows."""
    rng = generator_at(plan.seed + 2, 0)
    fit_codec(net.codec, clips, rng)
    rows = torch.randperm(len(clips), generator=rng)[:2500].sort().values.numpy()
    coefficients = [flow_coefficients(take(clips, tokens, rows[i : i + 100])) for i in range(0, len(rows), 100)]
    net.bank.coefficients.copy_(typical_flows(torch.cat(coefficients)[:, 1:].flatten(0, 1), rng))


def head_loss(net: MiniNet, clips: ClipSet, tokens: Tokens, plan: Plan, table_seed: int) -> Loss:
    """The loss of stage 1 as a function of the step."""
    table, shares = tabulate_all(net, clips, tokens, table_seed), alpha_bar()

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        rng = generator_at(plan.seed + 3, step)
        torch.manual_seed(step)  # dropout has no generator of its own
        rows = torch.randint(len(clips), (plan.head_batch,), generator=rng)
        words = trimmed(tokens[rows].dropped(torch.rand(len(rows), generator=rng) < 0.12))
        seen = torch.rand(len(rows), generator=rng) > 0.03
        with torch.autocast("cpu", torch.bfloat16):
            errors = head_errors(net, table, rows, words, shares[random_steps(len(rows), rng)], seen, rng)
        return errors.mean(), {"table": float(errors.detach().mean())}

    return loss


def train_head(net: MiniNet, clips: ClipSet, tokens: Tokens, plan: Plan) -> None:
    """Stage 1."""
    parameters = [*net.text.parameters(), *net.head.parameters()]
    trainer = Trainer("head", net, [{"params": parameters, "lr": plan.head_rate}], plan.head_steps, plan.out)
    if not trainer.finished():
        trainer.run(head_loss(net, clips, tokens, plan, plan.seed + 1))


def train_joint(net: MiniNet, clips: ClipSet, tokens: Tokens, plan: Plan, last: int | None = None) -> None:
    """Stage 2: the trunk on noised clips, head and words still on the table's flows; `last` as in `Trainer.run`."""
    groups = [
        {"params": list(net.trunk.parameters()), "lr": plan.trunk_rate},
        {"params": [*net.text.parameters(), *net.head.parameters()], "lr": plan.later_head_rate},
    ]
    trainer = Trainer("joint", net, groups, plan.joint_steps, plan.out)
    if trainer.finished():
        return
    shares, on_table = alpha_bar(), head_loss(net, clips, tokens, plan, plan.seed + 5)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        rng = generator_at(plan.seed + 4, step)
        rows = torch.randperm(len(clips), generator=rng)[: plan.joint_batch].sort().values
        batch = augmented(take(clips, tokens, rows.numpy()), rng)
        flows, table = on_table(plan.head_steps + step)
        denoising, figures = joint_loss(net, batch, shares[random_steps(len(rows), rng)], rng)
        return denoising + 2.0 * flows, figures | table

    trainer.run(loss, last)


def train(plan: Plan) -> Path:
    """The whole training; returns the path of the weights."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    clips = load(plan.data, "train", plan.seed, plan.clips, processes=2)
    vocabulary = Vocabulary(vocabulary_words())
    net, tokens = MiniNet(len(vocabulary)), tokenise(clips, vocabulary)
    fit_parts(net, clips, tokens, plan)
    train_head(net, clips, tokens, plan)
    train_joint(net, clips, tokens, plan)
    return save_weights(net, vocabulary, plan.out / "mini.safetensors")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, checkpoints and weights")
    for name in ("seed", "clips", "head_steps", "joint_steps", "joint_batch", "threads"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(Plan, name))
    print(f"weights in {train(Plan(**vars(parser.parse_args())))}")


if __name__ == "__main__":
    main()
