"""What the parts of a body are, its class and its front, as one assignment of greatest probability.

A hypothesis is a class with a frame: one of the candidates for the sagittal plane and one of the two fronts on it. In
each frame, fitted networks give the probability of every kind for each part; parts fill the slots of the class at
the greatest total; a second network scores how well all of that fits together, with the shape of the whole and of
its ends. The softmax over all hypotheses is the posterior. `python -m to4d_lab.rig.fit_roles` fits the weights.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from to4d.rig.anatomy.frame import Assignment
from to4d.rig.anatomy.measures import BodyMeasures, measure_body
from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.roles.hypotheses import Hypothesis, make_hypotheses, perspectives
from to4d.rig.roles.perceptron import Perceptrons, softmax
from to4d.rig.roles.role_slots import SLOTS, name_slots
from to4d.types import BODIES

RIGID = tuple(body for body in BODIES if not SLOTS[body])
"""Classes without limbs."""

WEIGHTS = Path(__file__).with_name("roles.safetensors")


@dataclass(frozen=True)
class RoleModel:
    """The two fitted networks."""

    parts: Perceptrons  # features of a part -> its kind
    bodies: Perceptrons  # features of a hypothesis -> its score


@cache
def load_role_model(path: Path = WEIGHTS) -> RoleModel:
    """The model that ships."""
    arrays = load_file(path)
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
    """The most probable hypothesis, see `assign_roles`.

    Its confidence is its posterior among all that was possible: where the class is given, the alternative is that the
    object has no limbs.
    """
    classes = BODIES if body is None else tuple(dict.fromkeys((body, *RIGID)))
    hypotheses = make_hypotheses(list(perspectives(measures, front)), model.parts, classes)
    posterior = score_hypotheses(hypotheses, model.bodies)
    allowed = np.array([body is None or each.body == body for each in hypotheses])
    number = int(np.argmax(np.where(allowed, posterior, -1.0)))
    best = hypotheses[number]
    return Assignment(best.body, best.view.frame, name_slots(best.view, best.slots), float(posterior[number]))


def score_hypotheses(hypotheses: list[Hypothesis], network: Perceptrons) -> NDArray:
    """(H,) the posterior."""
    logits = network(np.stack([each.features for each in hypotheses]))[..., 0]
    return softmax(logits, 1).mean(0)
