"""Fitting the two networks of the role model. One thread and fixed seeds: the same examples give the same bytes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from to4d.rig.roles.assignment import RoleModel
from to4d.rig.roles.body_view import frame_facing, view_body
from to4d.rig.roles.hypotheses import Hypothesis, class_code, make_hypotheses, perspectives
from to4d.rig.roles.perceptron import Perceptrons
from to4d.rig.roles.role_features import part_features
from to4d.rig.roles.role_slots import KINDS, SLOTS
from to4d_lab.rig.augment import vary
from to4d_lab.rig.labelled import LabelledBody
from to4d_lab.rig.train_perceptrons import Training, add_noise, scale_inputs, train_perceptrons

TURNED = np.cos(np.deg2rad(28))  # a frame whose front is nearer to the true one is right
VARIANTS = 1  # of each example
Group = tuple[np.ndarray, np.ndarray, float]
"""The features of an example's hypotheses (H, F), which are right (H,), and its weight."""


PARTS = Training(hidden=40, steps=350, batch=1024, rate=1.5e-2, decay=0.02, noise=0.1, networks=2, smoothing=0.02)
BODIES = Training(hidden=8, steps=400, batch=64, rate=1e-2, decay=0.1, noise=0.3, networks=4)


def body_weights(bodies: Sequence[LabelledBody]) -> np.ndarray:
    """(n,) how much each example counts: all classes the same, and a pack in them as the root of its size."""
    packs = Counter(body.pack for body in bodies)
    shares = np.array([packs[body.pack] ** -0.5 for body in bodies])
    classes = np.array([body.body for body in bodies])
    return np.array([share / shares[classes == body.body].sum() for share, body in zip(shares, bodies, strict=True)])


def fit_parts(bodies: Sequence[LabelledBody], training: Training = PARTS) -> Perceptrons:
    """The network that tells the kind of a part in the true frame, where the class is known and where it is not."""
    rows, kinds, weights = [], [], []
    for body, weight in zip(bodies, body_weights(bodies), strict=True):
        features = part_features(view_body(body.measures, frame_facing(body.measures, body.front)))
        for code in (class_code(body.body), class_code(None)):
            rows.append(np.concatenate([features, np.tile(code, (len(features), 1))], 1))
            kinds.append(body.kinds)
            weights.append(weight * body.weights)
    inputs, targets = np.concatenate(rows), torch.from_numpy(np.concatenate(kinds))
    counts = torch.from_numpy(np.concatenate(weights)).float()
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-6
    scaled = scale_inputs(inputs, mean, deviation)

    def loss(network: nn.Module, chosen: Tensor, generator: torch.Generator) -> Tensor:
        logits = network(add_noise(scaled[chosen], training.noise, generator))
        each = nn.functional.cross_entropy(
            logits, targets[chosen], reduction="none", label_smoothing=training.smoothing
        )
        return (each * counts[chosen]).sum() / counts[chosen].sum()

    return train_perceptrons(loss, len(scaled), len(KINDS), (mean, deviation), training)


def fit_bodies(groups: Sequence[Group], training: Training = BODIES) -> Perceptrons:
    """The network that scores the hypotheses of examples."""
    groups = [group for group in groups if group[1].any()]
    every = np.concatenate([features for features, _, _ in groups])
    mean, deviation = every.mean(0), every.std(0) + 1e-6
    longest = max(len(features) for features, _, _ in groups)
    scaled = torch.zeros(len(groups), longest, every.shape[1])
    right, there = (torch.zeros(len(groups), longest, dtype=torch.bool) for _ in range(2))
    for number, (features, correct, _) in enumerate(groups):
        scaled[number, : len(features)] = scale_inputs(features, mean, deviation)
        right[number, : len(features)] = torch.from_numpy(correct)
        there[number, : len(features)] = True
    weights = torch.tensor([weight for _, _, weight in groups])

    def loss(network: nn.Module, chosen: Tensor, generator: torch.Generator) -> Tensor:
        logits = network(add_noise(scaled[chosen], training.noise, generator))[..., 0]
        logits = torch.log_softmax(logits.masked_fill(~there[chosen], -1e9), 1)
        each = -torch.logsumexp(logits.masked_fill(~right[chosen], -1e9), 1)
        return (each * weights[chosen]).sum() / weights[chosen].sum()

    return train_perceptrons(loss, len(groups), 1, (mean, deviation), training)


@dataclass(frozen=True)
class Folds:
    """Everything that fits of several models share: packs are left out fold by fold."""

    bodies: tuple[LabelledBody, ...]  # with variants
    folds: tuple[int, ...]  # of each body
    parts: tuple[Perceptrons, ...]  # of each fold: fitted without it
    groups: tuple[tuple[Group, ...], ...]  # of each body, its parts seen by the network that was fitted without it

    def without(self, fold: int) -> RoleModel:
        """The model that has not seen the packs of a fold."""
        kept = [groups for groups, other in zip(self.groups, self.folds, strict=True) if other != fold]
        return RoleModel(self.parts[fold], fit_bodies([group for groups in kept for group in groups]))

    def model(self) -> RoleModel:
        """The model that has seen everything."""
        return RoleModel(fit_parts(self.bodies), fit_bodies([group for groups in self.groups for group in groups]))


def make_folds(bodies: Sequence[LabelledBody], fold_of_pack: Mapping[str, int]) -> Folds:
    """Fit the networks for parts without each fold of packs, and let them see what is in it."""
    varied = tuple(each for number, body in enumerate(bodies) for each in _variants(body, number))
    folds = tuple(fold_of_pack[body.pack] for body in varied)
    parts = tuple(
        fit_parts([body for body, other in zip(varied, folds, strict=True) if other != fold])
        for fold in range(max(folds) + 1)
    )
    weights = body_weights(varied)
    groups = tuple(
        _groups(body, parts[fold], float(weight)) for body, fold, weight in zip(varied, folds, weights, strict=True)
    )
    return Folds(varied, folds, parts, groups)


def _variants(body: LabelledBody, number: int) -> list[LabelledBody]:
    return [body, *(vary(body, np.random.default_rng((number, copy))) for copy in range(VARIANTS))]


def _groups(body: LabelledBody, parts: Perceptrons, weight: float) -> tuple[Group, ...]:
    """The hypotheses of an example, once with its front given and once without."""
    groups = []
    for front in (body.front, None):
        hypotheses = make_hypotheses(list(perspectives(body.measures, front)), parts)
        right = np.array([is_right(each, body, front is not None) for each in hypotheses])
        groups.append((np.stack([each.features for each in hypotheses]), right, weight))
    return tuple(groups)


def is_right(hypothesis: Hypothesis, body: LabelledBody, given: bool) -> bool:
    """Whether class and front are the true ones."""
    turned = np.cos(hypothesis.view.frame.front - body.front) > TURNED
    return hypothesis.body == body.body and bool(given or turned or not SLOTS[body.body])
