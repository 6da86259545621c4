"""Train the embedded prior from one seed: `python -m to4d_lab.mini.train --out DIR`.

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

from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.schedule import STEPS, alpha_bar
from to4d.guidance.mini.templates import COUNT
from to4d.guidance.mini.tensors import to_device
from to4d.guidance.mini.vocabulary import Tokens, Vocabulary
from to4d.types import generator_at
from to4d_lab.data.dataset import ClipSet, load
from to4d_lab.data.objects import vocabulary_words
from to4d_lab.mini.batches import augment, drop_azimuths, make_batch, tokenise, trim_padding
from to4d_lab.mini.compute import device_of, products
from to4d_lab.mini.evaluate import CLIPS
from to4d_lab.mini.fitted_parts import fit_codec, flow_coefficients, typical_flows
from to4d_lab.mini.learning_curves import Board
from to4d_lab.mini.monitoring import sampling, weights_and_biases
from to4d_lab.mini.prefetch import prefetch
from to4d_lab.mini.stage_head import EvidenceTable, head_errors, tabulate_all
from to4d_lab.mini.stage_joint import NoisedBatch, joint_loss, noise_batch
from to4d_lab.mini.trainer import Loss, Show, Trainer
from to4d_lab.mini.training_config import TrainingConfig, parse_args
from to4d_lab.mini.weight_files import adopt, write_weights


def random_steps(count: int, rng: torch.Generator) -> Tensor:
    """Diffusion steps (count,), spread evenly over the schedule from a random start."""
    spread = (torch.rand(1, generator=rng) + torch.arange(count) / count) % 1.0
    return (spread * STEPS).long().clamp(0, STEPS - 1)


def fit_parts(net: MiniNet, clips: ClipSet, tokens: Tokens, config: TrainingConfig) -> None:
    """Codec from frames, templates from flows; the net must be on the CPU.

    What goes on from earlier weights keeps their codec and templates; places that they left empty are filled.
    """
    rng = generator_at(config.seed + 2, 0)
    if config.start is None:
        fit_codec(net.codec, clips, rng)
    known = net.bank.coefficients[net.bank.coefficients.flatten(1).any(1)]
    if len(known) == COUNT - 1:
        return
    rows = torch.randperm(len(clips), generator=rng)[:2500].sort().values.numpy()
    coefficients = [flow_coefficients(make_batch(clips, tokens, rows[i : i + 100])) for i in range(0, len(rows), 100)]
    net.bank.coefficients.copy_(typical_flows(torch.cat(coefficients)[:, 1:].flatten(0, 1), rng, known))


def head_loss(net: MiniNet, table: EvidenceTable, tokens: Tokens, config: TrainingConfig) -> Loss:
    """The loss of stage 1 as a function of the step."""
    shares, device = alpha_bar(), device_of(net)

    def draw_rows(step: int) -> tuple[EvidenceTable, Tokens, Tensor, Tensor, Tensor]:
        rng = generator_at(config.seed + 3, step)
        rows = torch.randint(len(table), (config.head_batch,), generator=rng)
        words = trim_padding(tokens[rows].dropped(torch.rand(len(rows), generator=rng) < 0.12))
        has_image = torch.rand(len(rows), generator=rng) > 0.03
        known = table[rows]
        known = replace(known, azimuth_deg=drop_azimuths(known.azimuth_deg, rng))
        level = shares[random_steps(len(rows), rng)]
        return to_device((known, words, level, has_image, torch.randn(known.match.shape, generator=rng)), device)

    drawn = prefetch(draw_rows, config.prefetch)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        torch.manual_seed(step)  # dropout has no generator of its own
        with products(config.precision, device):
            errors = head_errors(net, *drawn(step))
        return errors.mean(), {"table": float(errors.detach().mean())}

    return loss


def train_head(
    net: MiniNet,
    table: EvidenceTable,
    tokens: Tokens,
    config: TrainingConfig,
    last: int | None = None,
    board: Board | None = None,
) -> None:
    """Stage 1; `last` as in `Trainer.run`."""
    groups = [{"params": [*net.text.parameters(), *net.head.parameters()], "lr": config.head_rate}]
    trainer = Trainer("head", net, groups, config.head_steps, config.out, board=board)
    if not trainer.finished():
        trainer.run(head_loss(net, table, tokens, config), last)


def train_joint(
    net: MiniNet,
    clips: ClipSet,
    table: EvidenceTable,
    tokens: Tokens,
    config: TrainingConfig,
    last: int | None = None,
    board: Board | None = None,
    show: Show | None = None,
) -> None:
    """Stage 2: the trunk on noised clips, head and words still on the table's flows; `last` as in `Trainer.run`."""
    groups = [
        {"params": list(net.trunk.parameters()), "lr": config.trunk_rate},
        {"params": [*net.text.parameters(), *net.head.parameters()], "lr": config.later_head_rate},
    ]
    trainer = Trainer("joint", net, groups, config.joint_steps, config.out, config.sample_every, board, show)
    if trainer.finished():
        return
    shares, device, on_table = alpha_bar(), device_of(net), head_loss(net, table, tokens, config)

    def draw_clips(step: int) -> NoisedBatch:
        rng = generator_at(config.seed + 4, step)
        rows = torch.randperm(len(clips), generator=rng)[: config.joint_batch].sort().values
        batch = augment(make_batch(clips, tokens, rows.numpy()), rng)
        return to_device(noise_batch(batch, shares[random_steps(len(rows), rng)], rng), device)

    drawn = prefetch(draw_clips, config.prefetch)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        flows, table = on_table(config.head_steps + step)
        denoising, figures = joint_loss(net, drawn(step), config.attention_weight, config.precision)
        return denoising + 2.0 * flows, figures | table

    trainer.run(loss, last)


def train(config: TrainingConfig) -> Path:
    """The whole training; returns the path of the weights."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    clips = load(config.data, "train", config.seed, config.clips, config.processes)
    vocabulary = Vocabulary(vocabulary_words())
    net, tokens = MiniNet(len(vocabulary)), tokenise(clips, vocabulary)
    if config.start is not None:
        adopt(net, vocabulary, config.start)
    fit_parts(net, clips, tokens, config)
    net.to(config.device)
    board, show = weights_and_biases(config) if config.wandb else None, None
    if config.sample_every:
        show = sampling(vocabulary, load(config.data, "validation", config.seed, CLIPS), config, board)
    table = tabulate_all(net, clips, tokens, config.seed + 1, count=config.table_clips, prefetched=config.prefetch)
    train_head(net, table, tokens, config, board=board)
    train_joint(net, clips, table, tokens, config, config.joint_last or None, board, show)
    return write_weights(net, vocabulary, config.out / "mini.safetensors")


def main() -> None:
    """The command."""
    print(f"weights in {train(parse_args(None, __doc__))}")


if __name__ == "__main__":
    main()
