"""Train the embedded prior from one seed: `python -m to4d.guidance.mini.train --out DIR`.

The order: make the clips, fit codec and templates, train the head on flows (stage 1), train everything on noised clips
while the head goes on (stage 2), write the weights. Every step draws from (seed, step) and the numbers of steps are
fixed, so a run that was killed goes on from its last checkpoint to the same weights as one that was not (same machine
and threads). DIR/head.csv and DIR/joint.csv are the learning curves, DIR/samples shows held-out captions, and
DIR/latest.safetensors holds stage 2's averaged weights at the last of these sheets.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from to4d.guidance.mini.ahead import ahead
from to4d.guidance.mini.batches import (
    augmented,
    fit_codec,
    flow_coefficients,
    forgotten,
    take,
    tokenise,
    trimmed,
    typical_flows,
)
from to4d.guidance.mini.curves import Board
from to4d.guidance.mini.data.dataset import ClipSet, load
from to4d.guidance.mini.data.objects import vocabulary_words
from to4d.guidance.mini.evaluate import CLIPS
from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.plan import Plan, parse
from to4d.guidance.mini.schedule import STEPS, alpha_bar
from to4d.guidance.mini.stage_head import Table, head_errors, tabulate_all
from to4d.guidance.mini.stage_joint import Draw, draw, joint_loss
from to4d.guidance.mini.templates import COUNT
from to4d.guidance.mini.tensors import device_of, moved, products
from to4d.guidance.mini.trainer import Loss, Show, Trainer
from to4d.guidance.mini.vocabulary import Tokens, Vocabulary
from to4d.guidance.mini.watch import sampling, weights_and_biases, write_weights
from to4d.guidance.mini.weights import adopt
from to4d.types import generator_at


def random_steps(count: int, rng: torch.Generator) -> Tensor:
    """Diffusion steps (count,), spread evenly over the schedule from a random start."""
    spread = (torch.rand(1, generator=rng) + torch.arange(count) / count) % 1.0
    return (spread * STEPS).long().clamp(0, STEPS - 1)


def fit_parts(net: MiniNet, clips: ClipSet, tokens: Tokens, plan: Plan) -> None:
    """Codec from frames, templates from flows; the net must be on the CPU.

    What goes on from earlier weights keeps their codec and templates; places that they left empty are filled.
    """
    rng = generator_at(plan.seed + 2, 0)
    if plan.start is None:
        fit_codec(net.codec, clips, rng)
    known = net.bank.coefficients[net.bank.coefficients.flatten(1).any(1)]
    if len(known) == COUNT - 1:
        return
    rows = torch.randperm(len(clips), generator=rng)[:2500].sort().values.numpy()
    coefficients = [flow_coefficients(take(clips, tokens, rows[i : i + 100])) for i in range(0, len(rows), 100)]
    net.bank.coefficients.copy_(typical_flows(torch.cat(coefficients)[:, 1:].flatten(0, 1), rng, known))


def head_loss(net: MiniNet, table: Table, tokens: Tokens, plan: Plan) -> Loss:
    """The loss of stage 1 as a function of the step."""
    shares, device = alpha_bar(), device_of(net)

    def draw_rows(step: int) -> tuple[Table, Tokens, Tensor, Tensor, Tensor]:
        rng = generator_at(plan.seed + 3, step)
        rows = torch.randint(len(table), (plan.head_batch,), generator=rng)
        words = trimmed(tokens[rows].dropped(torch.rand(len(rows), generator=rng) < 0.12))
        seen = torch.rand(len(rows), generator=rng) > 0.03
        known = table[rows]
        known = replace(known, azimuth_deg=forgotten(known.azimuth_deg, rng))
        level = shares[random_steps(len(rows), rng)]
        return moved((known, words, level, seen, torch.randn(known.match.shape, generator=rng)), device)

    drawn = ahead(draw_rows, plan.ahead)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        torch.manual_seed(step)  # dropout has no generator of its own
        with products(plan.precision, device):
            errors = head_errors(net, *drawn(step))
        return errors.mean(), {"table": float(errors.detach().mean())}

    return loss


def train_head(
    net: MiniNet, table: Table, tokens: Tokens, plan: Plan, last: int | None = None, board: Board | None = None
) -> None:
    """Stage 1; `last` as in `Trainer.run`."""
    groups = [{"params": [*net.text.parameters(), *net.head.parameters()], "lr": plan.head_rate}]
    trainer = Trainer("head", net, groups, plan.head_steps, plan.out, board=board)
    if not trainer.finished():
        trainer.run(head_loss(net, table, tokens, plan), last)


def train_joint(
    net: MiniNet,
    clips: ClipSet,
    table: Table,
    tokens: Tokens,
    plan: Plan,
    last: int | None = None,
    board: Board | None = None,
    show: Show | None = None,
) -> None:
    """Stage 2: the trunk on noised clips, head and words still on the table's flows; `last` as in `Trainer.run`."""
    groups = [
        {"params": list(net.trunk.parameters()), "lr": plan.trunk_rate},
        {"params": [*net.text.parameters(), *net.head.parameters()], "lr": plan.later_head_rate},
    ]
    trainer = Trainer("joint", net, groups, plan.joint_steps, plan.out, plan.sample_every, board, show)
    if trainer.finished():
        return
    shares, device, on_table = alpha_bar(), device_of(net), head_loss(net, table, tokens, plan)

    def draw_clips(step: int) -> Draw:
        rng = generator_at(plan.seed + 4, step)
        rows = torch.randperm(len(clips), generator=rng)[: plan.joint_batch].sort().values
        batch = augmented(take(clips, tokens, rows.numpy()), rng)
        return moved(draw(batch, shares[random_steps(len(rows), rng)], rng), device)

    drawn = ahead(draw_clips, plan.ahead)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        flows, table = on_table(plan.head_steps + step)
        denoising, figures = joint_loss(net, drawn(step), plan.attention_weight, plan.precision)
        return denoising + 2.0 * flows, figures | table

    trainer.run(loss, last)


def train(plan: Plan) -> Path:
    """The whole training; returns the path of the weights."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    clips = load(plan.data, "train", plan.seed, plan.clips, plan.processes)
    vocabulary = Vocabulary(vocabulary_words())
    net, tokens = MiniNet(len(vocabulary)), tokenise(clips, vocabulary)
    if plan.start is not None:
        adopt(net, vocabulary, plan.start)
    fit_parts(net, clips, tokens, plan)
    net.to(plan.device)
    board, show = weights_and_biases(plan) if plan.wandb else None, None
    if plan.sample_every:
        show = sampling(vocabulary, load(plan.data, "validation", plan.seed, CLIPS), plan, board)
    table = tabulate_all(net, clips, tokens, plan.seed + 1, count=plan.table_clips, ahead=plan.ahead)
    train_head(net, table, tokens, plan, board=board)
    train_joint(net, clips, table, tokens, plan, plan.joint_last or None, board, show)
    return write_weights(net, vocabulary, plan.out / "mini.safetensors")


def main() -> None:
    """The command."""
    print(f"weights in {train(parse(None, __doc__))}")


if __name__ == "__main__":
    main()
