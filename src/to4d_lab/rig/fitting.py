"""Fitting the two networks of the role model. One thread and fixed seeds: the same examples give the same bytes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from to4d.rig.body_view import frame_facing, view_body
from to4d.rig.perceptron import LIMIT, Perceptrons
from to4d.rig.role_features import part_features
from to4d.rig.role_slots import KINDS, SLOTS
from to4d.rig.roles import Hypothesis, RoleModel, make_hypotheses
from to4d_lab.rig.labelled import LabelledBody

TURNED = np.cos(np.deg2rad(28))  # a frame whose front is nearer to the true one is right
FOLDS = 5


@dataclass(frozen=True)
class Training:
    """How a network is fitted."""

    hidden: int
    steps: int
    batch: int
    rate: float
    decay: float
    noise: float  # added to standardised inputs
    networks: int
    smoothing: float = 0.0


PARTS = Training(hidden=40, steps=400, batch=2048, rate=1.5e-2, decay=0.02, noise=0.1, networks=3, smoothing=0.02)
BODIES = Training(hidden=32, steps=500, batch=64, rate=1e-2, decay=0.05, noise=0.1, networks=3)


def body_weights(bodies: Sequence[LabelledBody]) -> np.ndarray:
    """(n,) how much each example counts: a pack's total grows with the root of its size."""
    sizes = Counter(body.pack for body in bodies)
    return np.array([sizes[body.pack] ** -0.5 for body in bodies])


def fit_parts(bodies: Sequence[LabelledBody], training: Training = PARTS) -> Perceptrons:
    """The network that tells the kind of a part in the true frame."""
    rows, kinds, weights = [], [], []
    for body, weight in zip(bodies, body_weights(bodies), strict=True):
        if len(body.measures):
            rows.append(part_features(view_body(body.measures, frame_facing(body.measures, body.front))))
            kinds.append(body.kinds)
            weights.append(weight * body.weights)
    inputs, targets = np.concatenate(rows), torch.from_numpy(np.concatenate(kinds))
    counts = torch.from_numpy(np.concatenate(weights)).float()
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    scaled = _scaled(inputs, mean, deviation)

    def loss(network: nn.Module, chosen: Tensor, generator: torch.Generator) -> Tensor:
        logits = network(_noisy(scaled[chosen], training.noise, generator))
        each = nn.functional.cross_entropy(
            logits, targets[chosen], reduction="none", label_smoothing=training.smoothing
        )
        return (each * counts[chosen]).sum() / counts[chosen].sum()

    return _fit(loss, len(scaled), len(KINDS), (mean, deviation), training)


def fit_bodies(groups: Sequence[tuple[np.ndarray, np.ndarray, float]], training: Training = BODIES) -> Perceptrons:
    """The network that scores hypotheses.

    Args:
        groups: for each example the features of its hypotheses (H, F), which of them are right (H,), and its weight.
        training: how.
    """
    groups = [group for group in groups if group[1].any()]
    every = np.concatenate([features for features, _, _ in groups])
    mean, deviation = every.mean(0), every.std(0) + 1e-6
    longest = max(len(features) for features, _, _ in groups)
    scaled = torch.zeros(len(groups), longest, every.shape[1])
    right, there = (torch.zeros(len(groups), longest, dtype=torch.bool) for _ in range(2))
    for number, (features, correct, _) in enumerate(groups):
        scaled[number, : len(features)] = _scaled(features, mean, deviation)
        right[number, : len(features)] = torch.from_numpy(correct)
        there[number, : len(features)] = True
    weights = torch.tensor([weight for _, _, weight in groups])

    def loss(network: nn.Module, chosen: Tensor, generator: torch.Generator) -> Tensor:
        logits = network(_noisy(scaled[chosen], training.noise, generator))[..., 0]
        logits = torch.log_softmax(logits.masked_fill(~there[chosen], -1e9), 1)
        each = -torch.logsumexp(logits.masked_fill(~right[chosen], -1e9), 1)
        return (each * weights[chosen]).sum() / weights[chosen].sum()

    return _fit(loss, len(groups), 1, (mean, deviation), training)


def fit_model(bodies: Sequence[LabelledBody]) -> RoleModel:
    """Both networks. The second one learns from parts that the first one has not seen: packs in `FOLDS` folds."""
    weights, groups = body_weights(bodies), []
    packs = sorted({body.pack for body in bodies})
    for fold in range(FOLDS):
        held = set(packs[fold::FOLDS])
        parts = fit_parts([body for body in bodies if body.pack not in held])
        for body, weight in zip(bodies, weights, strict=True):
            if body.pack in held:
                groups += hypothesis_groups(body, parts, float(weight))
    return RoleModel(fit_parts(bodies), fit_bodies(groups))


def hypothesis_groups(
    body: LabelledBody, parts: Perceptrons, weight: float
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """The hypotheses of an example, once with its front given and once without."""
    groups = []
    for front in (body.front, None):
        hypotheses = list(make_hypotheses(body.measures, parts, front, None))
        right = np.array([is_right(each, body, front is not None) for each in hypotheses])
        groups.append((np.stack([each.features for each in hypotheses]), right, weight))
    return groups


def is_right(hypothesis: Hypothesis, body: LabelledBody, given: bool) -> bool:
    """Whether class and front are the true ones."""
    turned = np.cos(hypothesis.view.frame.front - body.front) > TURNED
    return hypothesis.body == body.body and bool(given or turned or not SLOTS[body.body])


def _scaled(inputs: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> Tensor:
    return torch.from_numpy(np.clip((inputs - mean) / deviation, -LIMIT, LIMIT)).float()


def _noisy(inputs: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    return inputs + noise * torch.randn(inputs.shape, generator=generator)


def _fit(
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor],
    count: int,
    outputs: int,
    scale: tuple[np.ndarray, np.ndarray],
    training: Training,
) -> Perceptrons:
    """Networks that minimise the loss of random batches of `count` rows."""
    torch.set_num_threads(1)
    fitted = []
    for seed in range(training.networks):
        generator = torch.Generator().manual_seed(seed)
        network = _network(len(scale[0]), training.hidden, outputs, generator)
        optimizer = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=training.decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
        for _ in range(training.steps):
            chosen = torch.randint(count, (min(training.batch, count),), generator=generator)
            optimizer.zero_grad()
            loss(network, chosen, generator).backward()
            optimizer.step()
            schedule.step()
        fitted.append([parameter.detach().numpy() for parameter in network.parameters()])
    hidden, hidden_bias, out, out_bias = (np.stack(each) for each in zip(*fitted, strict=True))
    return Perceptrons(*scale, hidden, hidden_bias, out, out_bias)


def _network(inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    network = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))
    for layer, width in ((network[0], inputs), (network[2], hidden)):
        nn.init.uniform_(layer.weight, -(width**-0.5), width**-0.5, generator=generator)
        nn.init.zeros_(layer.bias)
    return network
