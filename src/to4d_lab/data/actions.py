"""What an object can do: move as a whole, move its limbs, or play a real clip of its own."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from to4d_lab.data.limb_motions import LIMB_MOTIONS
from to4d_lab.data.object_motions import MOTIONS, move
from to4d_lab.data.objects import Subject, fitting
from to4d_lab.data.style import Style

OFTEN = {"jump": 2.0, "grow": 2.0, "sway": 2.0, "spin": 2.0, "melt": 1.5, "shake": 1.5, "nod": 1.5, "fall": 1.5}
OFTEN_LIMBS = {"walk": 4.0, "run": 3.0, "wave": 3.0}
CLIPS, LIMBS = 0.5, 0.6  # how often an object that can plays a real clip, or moves its limbs


@dataclass(frozen=True)
class Action:
    """A kind of motion, and who moves it."""

    kind: str
    source: str  # "whole", "limbs" or "clip"


def possible(subject: Subject) -> list[Action]:
    """All that an object can do."""
    limbs = {limb.name for limb in subject.mesh.limbs}
    clips = subject.animated.kinds if subject.animated else ()
    actions = [Action(kind, "clip") for kind in clips]
    able = [kind for kind, (needs, _) in LIMB_MOTIONS.items() if limbs.issuperset(needs)]
    actions += [Action(kind, "limbs") for kind in able if kind != "swim" or "leg" not in limbs]
    return actions + [Action(kind, "whole") for kind in MOTIONS]


def draw_action(rng: Generator, subject: Subject, kind: str | None = None) -> Action:
    """A random action; `kind` limits the choice.

    Raises:
        ValueError: if the object can't move that way.
    """
    actions = [action for action in possible(subject) if kind in (None, action.kind)]
    if not actions:
        raise ValueError(f"a {subject.nouns[0]} has no motion {kind!r}")
    sources = {action.source for action in actions}
    for source, share in (("clip", CLIPS), ("limbs", LIMBS)):
        if source in sources and (sources == {source} or rng.uniform() < share):
            sources = {source}
    source = "whole" if "whole" in sources else sources.pop()
    actions = [action for action in actions if action.source == source]
    often = {"whole": OFTEN, "limbs": OFTEN_LIMBS}.get(source, {})
    weights = np.array([often.get(action.kind, 1.0) for action in actions])
    return actions[rng.choice(len(actions), p=weights / weights.sum())]


def perform(
    action: Action, subject: Subject, rng: Generator, tau: np.ndarray, style: Style, radius: float
) -> np.ndarray:
    """The object's vertices over the times tau (V,): (V, N, 3), frame 0 centred in a sphere of `radius`."""
    if action.source == "clip":
        assert subject.animated is not None  # `possible` offers clips only then
        moved = subject.animated.clip(action.kind, rng, tau, style.speed)
        offset, scale = fitting(moved[0], radius)
        moved = (moved + offset) * scale
        return moved[:1] + style.amplitude * (moved - moved[:1])
    offset, scale = fitting(subject.mesh.vertices, radius)
    mesh = subject.mesh.moved(offset).scaled(scale)
    if action.source == "limbs":
        return LIMB_MOTIONS[action.kind][1](mesh, tau, style)
    return move(action.kind, mesh.vertices, tau, style)
