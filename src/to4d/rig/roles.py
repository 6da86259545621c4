"""What the parts of a body are, its class and its front, as one assignment of greatest probability.

A hypothesis is a class with a frame: one of the candidates for the sagittal plane and one of the two fronts on it. In
each frame, fitted networks give the probability of every kind for each part; parts fill the slots of the class at
the greatest total; a second network scores how well all of that fits together, with the shape of the whole and of
its ends. The softmax over all hypotheses is the posterior. `python -m to4d_lab.rig.fit_roles` fits the weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from to4d.rig.body_view import BodyView, frame_facing, frames_of_plane, view_body
from to4d.rig.frame import Assignment, Frame
from to4d.rig.measures import BodyMeasures, measure_body
from to4d.rig.parts import Anatomy
from to4d.rig.perceptron import Perceptrons, softmax
from to4d.rig.role_features import body_features, facing_features, part_features
from to4d.rig.role_slots import KINDS, SLOTS, Slots, fill_slots, name_slots
from to4d.types import BODIES

WEIGHTS = Path(__file__).with_name("roles.npz")


@dataclass(frozen=True)
class RoleModel:
    """The two fitted networks."""

    parts: Perceptrons  # features of a part -> its kind
    bodies: Perceptrons  # features of a hypothesis -> its score


@dataclass(frozen=True)
class Hypothesis:
    """A class in a frame, with its parts assigned."""

    body: str
    view: BodyView
    slots: Slots
    features: NDArray  # (F,)


@cache
def load_role_model(path: Path = WEIGHTS) -> RoleModel:
    """The model that ships."""
    with np.load(path) as arrays:
        return RoleModel(Perceptrons.from_arrays(arrays, "parts"), Perceptrons.from_arrays(arrays, "bodies"))


def assign_roles(anatomy: Anatomy, front: float | None = 0.0, body: str | None = None) -> Assignment:
    """What the parts of a body are.

    Args:
        anatomy: of a body that stands upright.
        front: azimuth in radians of its front (0 is +z), None if it is not known.
        body: its class, one of `to4d.types.BODIES`, None if it is not known.
    """
    return most_probable(measure_body(anatomy), load_role_model(), front, body)


def most_probable(measures: BodyMeasures, model: RoleModel, front: float | None, body: str | None) -> Assignment:
    """The most probable hypothesis, see `assign_roles`. Its confidence is its posterior."""
    hypotheses = list(make_hypotheses(measures, model.parts, front, body))
    posterior = score_hypotheses(hypotheses, model.bodies)
    best = hypotheses[int(np.argmax(posterior))]
    roles = name_slots(best.view, best.slots)
    return Assignment(best.body, best.view.frame, roles, float(posterior.max()))


def score_hypotheses(hypotheses: list[Hypothesis], network: Perceptrons) -> NDArray:
    """(H,) the posterior."""
    logits = network(np.stack([each.features for each in hypotheses]))[..., 0]
    return softmax(logits, 1).mean(0)


def make_hypotheses(
    measures: BodyMeasures, network: Perceptrons, front: float | None, body: str | None
) -> Iterator[Hypothesis]:
    """All hypotheses; bodies without limbs have no front, and only the best plane is tried."""
    for number, frame, error in _frames(measures, front):
        view = view_body(measures, frame)
        features = part_features(view)
        kinds = softmax(network(features), 2).mean(0) if len(features) else np.zeros((0, len(KINDS)))
        whole, facing = body_features(view), facing_features(view)
        for each in BODIES if body is None else (body,):
            if SLOTS[each] or number == 0:
                slots = fill_slots(view, kinds, each)
                fit = _fit_features(view, kinds, slots, error)
                one_hot = np.array([float(each == other) for other in BODIES])
                ends = facing if SLOTS[each] else 0.0 * facing
                yield Hypothesis(each, view, slots, np.concatenate([fit, whole, ends, one_hot]))


def _frames(measures: BodyMeasures, front: float | None) -> Iterator[tuple[int, Frame, float | None]]:
    """Number, frame and error beyond that of the best plane (None: not measured) of each hypothesis."""
    if front is not None:
        yield 0, frame_facing(measures, front), 0.0
        return
    least = float(np.nanmin(measures.planes[:, 2]))
    for plane, error in enumerate(measures.planes[:, 2] - least):
        for turn, frame in enumerate(frames_of_plane(measures, plane)):
            yield 2 * plane + turn, frame, None if np.isnan(error) else float(error)


def _fit_features(view: BodyView, kinds: NDArray, slots: Slots, error: float | None) -> NDArray:
    """(29,) how well the parts fit the slots of the class, and the plane the body."""
    chosen = np.array([kinds[part, KINDS.index(kind)] for part, kind in enumerate(slots.kinds)])
    idle = np.array([kind == "other" for kind in slots.kinds], bool)
    unexplained = (1.0 - kinds[idle, 0]) if len(kinds) else np.zeros(0)
    logs = np.log(chosen + 1e-3) if len(chosen) else np.zeros(1)
    scores = slots.scores if len(slots.scores) else np.zeros(1)
    fit = [scores.sum(), scores.mean(), logs.sum(), logs.mean()]
    fit += [unexplained @ view.measures.volume[idle], unexplained.sum(), _pairing(view, slots)]
    counts = [slots.kinds.count(kind) for kind in KINDS[1:]]
    plane = [0.0, 1.0] if error is None else [10 * error, 0.0]
    return np.array([*fit, *kinds.sum(0)[1:], *counts, *plane])


def _pairing(view: BodyView, slots: Slots) -> float:
    """Mean unlikeness of the pairs of slots: limbs are mirror images."""
    unlike = []
    for kind in KINDS[1:8]:
        pair = [part for part, other in enumerate(slots.kinds) if other == kind]
        left, right = ([part for part in pair if slots.left[part] == side] for side in (True, False))
        unlike += [min(view.unlikeness[part, right].min(), 1.0) for part in left if right]
    return float(np.mean(unlike)) if unlike else 0.5
