"""Roles of a body's parts, its class and its front, by a list of rules."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from to4d.rig.frame import Assignment, Frame
from to4d.rig.parts import Anatomy, Part

THIN = 0.17  # of `Part.sheet`: fins, wings, capes and blades are below it


@dataclass(frozen=True)
class _Body:
    """An anatomy seen in a frame."""

    anatomy: Anatomy
    frame: Frame
    extent: NDArray  # (3,)

    def at(self, point: NDArray) -> NDArray:
        return self.frame.to_body(point)

    def side(self, part: Part) -> float:
        return float((self.at(part.tip) + self.at(part.base) + self.at(part.centroid))[0])


def assign_roles(anatomy: Anatomy, front: float | None = 0.0, body: str | None = None) -> Assignment:
    """What the parts of a body are.

    Args:
        anatomy: of a body that stands upright.
        front: azimuth in radians of its front (0 is +z), None if it is not known.
        body: its class, one of `to4d.types.BODIES`, None if it is not known.
    """
    frames = [_frame(anatomy, front)] if front is not None else _frames(anatomy)
    return max((_assign(anatomy, frame, body) for frame in frames), key=lambda assignment: assignment.confidence)


def _frames(anatomy: Anatomy) -> list[Frame]:
    best = anatomy.planes[0]
    return [_frame(anatomy, best.azimuth + turn) for turn in (np.pi / 2, -np.pi / 2)]


def _frame(anatomy: Anatomy, front: float) -> Frame:
    solid = anatomy.solid
    left = Frame(front, np.zeros(3)).axes[0]
    offset = float((solid.low + solid.high) @ left / 2)
    for plane in anatomy.planes:
        if abs(plane.normal @ left) > np.cos(np.deg2rad(12)):
            offset = plane.offset * float(np.sign(plane.normal @ left))
            break
    centre = solid.points[anatomy.tree.centre]
    return Frame(front, centre - (centre @ left - offset) * left)


def _assign(anatomy: Anatomy, frame: Frame, body: str | None) -> Assignment:
    view = _Body(anatomy, frame, np.ptp(frame.to_body(anatomy.solid.points), axis=0) + anatomy.solid.cell)
    legs = _legs(view)
    body = body or _classify(view, legs)
    if body == "bird" or body == "biped":
        legs = sorted(legs, key=lambda part: abs(view.at(part.base)[0]))[:2]
    roles = ["other"] * len(anatomy.parts)
    number = {id(part): i for i, part in enumerate(anatomy.parts)}
    for part, role in _name(view, body, legs):
        roles[number[id(part)]] = role
    return Assignment(body, frame, tuple(roles), 0.5 + 0.1 * float(np.clip(_forward(view, legs), -4, 4)))


def _legs(view: _Body) -> list[Part]:
    solid = view.anatomy.solid
    ground, height = solid.low[1], solid.height

    def stands(part: Part) -> bool:
        low = part.lowest < ground + 0.12 * height and part.centroid[1] < ground + 0.62 * height
        return low and part.base[1] > part.tip[1] + 0.06 * height and part.sheet > THIN and part.length > 0.05

    feet = [part for part in view.anatomy.parts if stands(part)]
    typical = np.median([part.length for part in feet]) if feet else 0.0
    feet = [part for part in feet if part.length > 0.3 * typical]
    if len(feet) in (3, 5):
        feet.remove(min(feet, key=lambda part: abs(view.at(part.base)[0]) + abs(view.at(part.tip)[0])))
    return feet


def _classify(view: _Body, legs: list[Part]) -> str:
    parts, solid = view.anatomy.parts, view.anatomy.solid
    wings = [p for p in parts if p.sheet < THIN and abs(view.at(p.centroid)[0]) > 0.08 and p.volume > 0.05 * len(solid)]
    z = np.array([view.at(part.tip)[2] for part in legs])
    if len(legs) >= 6:
        return "insect"
    if len(legs) >= 3 and np.ptp(z) > 0.25 * view.extent[2]:
        return "quadruped"
    if len(wings) >= 2 and len(legs) <= 2:
        return "bird"
    if len(legs) >= 2:
        return "biped"
    long = [part for part in parts if part.length > 0.12]
    if len(long) <= 2 and sum(part.reach for part in long) > 20 * solid.depth.max():
        return "snake"
    if view.extent[2] > 1.3 * view.extent[0] and any(part.sheet < THIN for part in parts):
        return "fish"
    return "thing"


def _forward(view: _Body, legs: list[Part]) -> float:
    """Positive if the front seems to be in front: heads are high and thick, tails thin, feet point forward."""
    total = 0.0
    for part in view.anatomy.parts:
        tip, centroid = view.at(part.tip), view.at(part.centroid)
        if part in legs:
            total += np.clip((tip - centroid)[2] / 0.05, -1, 1) * 0.5
        elif abs(centroid[0]) < 0.3 * view.extent[0]:
            high = (tip + centroid)[1] / (2 * view.anatomy.solid.height)
            total += np.sign(tip[2]) * (1.2 * high + 0.5 * np.clip(part.thickness / 0.05, 0, 1) - 0.3)
    return float(total)


def _name(view: _Body, body: str, legs: list[Part]) -> Iterable[tuple[Part, str]]:
    rest = [part for part in view.anatomy.parts if not any(part is leg for leg in legs)]
    if body == "thing":
        return
    yield from _name_legs(view, body, legs)
    middle = [part for part in rest if abs(view.at(part.centroid)[0]) < max(0.3 * view.extent[0], 0.08)]
    weight = 1.6 if body == "biped" else 0.8

    def headness(part: Part) -> float:
        place = view.at(part.centroid) / view.extent
        return weight * place[1] + 0.9 * place[2] + 0.12 * np.log(part.volume / 1000) - 0.5 * abs(place[0])

    head = max(middle, key=headness, default=None)
    if head is not None and headness(head) > 0:
        yield head, "head"
    back = [p for p in middle if p is not head and view.at(p.tip)[2] < min(-0.1 * view.extent[2], view.at(p.base)[2])]
    tail = max(back, key=lambda part: part.length - view.at(part.tip)[2], default=None)
    if tail is not None:
        yield tail, "tail"
    yield from _name_pair(view, body, [part for part in rest if part is not head and part is not tail])


def _name_legs(view: _Body, body: str, legs: list[Part]) -> Iterable[tuple[Part, str]]:
    for side, sign in (("L", 1), ("R", -1)):
        ranked = sorted((p for p in legs if sign * view.side(p) > 0), key=lambda part: -view.at(part.tip)[2])
        if body == "insect":
            yield from ((part, f"leg{min(rank + 1, 4)}_{side}") for rank, part in enumerate(ranked[:4]))
        elif body == "quadruped" and len(ranked) > 1:
            yield from ((ranked[0], f"foreleg_{side}"), (ranked[-1], f"hindleg_{side}"))
        elif body in ("biped", "bird") and ranked:
            yield ranked[0], f"leg_{side}"


def _name_pair(view: _Body, body: str, parts: list[Part]) -> Iterable[tuple[Part, str]]:
    kind = {"biped": "arm", "bird": "wing", "fish": "fin", "quadruped": "wing", "insect": "wing"}.get(body)
    fits = [p for p in parts if kind and p.length > 0.04 and (body != "quadruped" or p.sheet < THIN)]
    left = [part for part in fits if view.side(part) > 0.02]
    right = [part for part in fits if view.side(part) < -0.02]

    def worth(one: Part, two: Part) -> float:
        unlike = np.linalg.norm(view.at(one.tip) * [-1, 1, 1] - view.at(two.tip))
        return float(one.length + two.length - 0.8 * unlike - abs(one.length - two.length))

    pairs = [(worth(one, two), one, two) for one in left for two in right]
    best = max(pairs, key=lambda pair: pair[0], default=None)
    if best is not None:
        yield best[1], f"{kind}_L"
        yield best[2], f"{kind}_R"
