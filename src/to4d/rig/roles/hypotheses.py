"""Hypotheses about a body: a class in a frame with its parts assigned, and what tells how probable each is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.measures import BodyMeasures
from to4d.rig.roles.body_view import BodyView, frame_facing, frames_of_plane, view_body
from to4d.rig.roles.perceptron import Perceptrons, softmax
from to4d.rig.roles.role_features import body_features, facing_features, part_features
from to4d.rig.roles.role_slots import KINDS, SLOTS, Slots, fill_slots
from to4d.types import BODIES


@dataclass(frozen=True)
class Perspective:
    """A body seen in a frame, with all features that do not depend on its class."""

    view: BodyView
    rows: NDArray  # (P, F) of its parts
    whole: NDArray  # (G,)
    facing: NDArray  # (12,)
    error: float | None  # of the plane, beyond that of the best one; None: not measured


@dataclass(frozen=True)
class Hypothesis:
    """A class in a frame, with its parts assigned."""

    body: str
    view: BodyView
    slots: Slots
    features: NDArray  # (F,)


def perspectives(measures: BodyMeasures, front: float | None) -> Iterator[Perspective]:
    """The body in every frame that is possible; the first one has the best plane."""
    for frame, error in _frames(measures, front):
        view = view_body(measures, frame)
        yield Perspective(view, part_features(view), body_features(view), facing_features(view), error)


def make_hypotheses(
    seen: list[Perspective], network: Perceptrons, classes: tuple[str, ...] = BODIES
) -> list[Hypothesis]:
    """All hypotheses of some classes; bodies without limbs have no front, and only the first frame is tried."""
    found = []
    for number, each in enumerate(seen):
        unconditional = part_kinds(network, each.rows, None)
        for body in classes:
            if SLOTS[body] or number == 0:
                kinds = part_kinds(network, each.rows, body) if SLOTS[body] else unconditional
                slots = fill_slots(each.view, kinds, body)
                fit = [*_evidence(each.view, unconditional, slots), *_fit(each.view, slots, each.error)]
                ends = each.facing if SLOTS[body] else 0.0 * each.facing
                features = np.concatenate([fit, each.whole, ends, class_code(body)])
                found.append(Hypothesis(body, each.view, slots, features))
    return found


def part_kinds(network: Perceptrons, rows: NDArray, body: str | None) -> NDArray:
    """(P, len(KINDS)) probabilities of each part's kind by its features (P, F), in a body of a class or of any."""
    if not len(rows):
        return np.zeros((0, len(KINDS)))
    inputs = np.concatenate([rows, np.tile(class_code(body), (len(rows), 1))], 1)
    return softmax(network(inputs), 2).mean(0)


def class_code(body: str | None) -> NDArray:
    """(len(BODIES),) 1 for a class; zeros for an unknown one."""
    return np.array([float(body == other) for other in BODIES])


def _frames(measures: BodyMeasures, front: float | None) -> Iterator[tuple[Frame, float | None]]:
    if front is not None:
        yield frame_facing(measures, front), 0.0
        return
    least = float(np.nanmin(measures.planes[:, 2]))
    for plane, error in enumerate(measures.planes[:, 2] - least):
        for frame in frames_of_plane(measures, plane):
            yield frame, None if np.isnan(error) else float(error)


def _evidence(view: BodyView, kinds: NDArray, slots: Slots) -> list[float]:
    """What the parts are (P, len(KINDS)) in a body of any class, and how far the slots agree with that (15)."""
    chosen = np.array([kinds[part, KINDS.index(kind)] for part, kind in enumerate(slots.kinds)])
    idle = np.array([kind == "other" for kind in slots.kinds], bool)
    limbs = 1.0 - kinds[:, 0]
    logs = np.log(chosen + 1e-3) if len(chosen) else np.zeros(1)
    return [logs.sum(), logs.mean(), limbs[idle] @ view.measures.volume[idle], limbs[idle].sum(), *kinds.sum(0)[1:]]


def _fit(view: BodyView, slots: Slots, error: float | None) -> list[float]:
    """How well the parts fit the slots of the class, and the plane the body (14)."""
    scores = slots.scores if len(slots.scores) else np.zeros(1)
    counts = [slots.kinds.count(kind) for kind in KINDS[1:]]
    plane = [0.0, 1.0] if error is None else [10 * error, 0.0]
    return [scores.sum(), scores.mean(), _pairing(view, slots), *counts, *plane]


def _pairing(view: BodyView, slots: Slots) -> float:
    """Mean unlikeness of the pairs of slots: limbs are mirror images."""
    unlike = []
    for kind in KINDS[1:8]:
        pair = [part for part, other in enumerate(slots.kinds) if other == kind]
        left, right = ([part for part in pair if slots.left[part] == side] for side in (True, False))
        unlike += [min(view.unlikeness[part, right].min(), 1.0) for part in left if right]
    return float(np.mean(unlike)) if unlike else 0.5
