"""Fish and snakes: the body itself bends, so that its front half is neck and head and its back half the tail."""

import numpy as np
from numpy.typing import NDArray

from to4d.kernels.solid_graph import follow_paths
from to4d.rig.anatomy.frame import Frame
from to4d.rig.anatomy.parts import Anatomy
from to4d.rig.anatomy.solid import Solid, trace
from to4d.rig.skeleton.limb import Limb

RIGID = {"fish": (0.4, 0.55), "snake": (0.1, 0.1)}  # the share of the front and of the back half that does not bend


def axial_limbs(anatomy: Anatomy, frame: Frame, body: str, limbs: list[Limb]) -> list[Limb]:
    """The limbs with a head and a tail that share the whole trunk, in place of what was named so.

    Args:
        anatomy: of a fish or a snake.
        frame: of the body.
        body: "fish" or "snake".
        limbs: those found so far; a snake's head and tail show where its ends are, other limbs keep their regions.
    """
    solid = anatomy.solid
    others = [limb for limb in limbs if limb.role not in ("head", "tail")]
    trunk = ~np.any([np.zeros(len(solid), bool), *(limb.region for limb in others)], axis=0)
    ends = {limb.role: int(limb.path[-1]) for limb in limbs if body == "snake" and limb.role in ("head", "tail")}
    ends = {role: _end(anatomy, frame, trunk, role) for role in ("head", "tail")} | ends
    head, tail = (trace(anatomy.before, ends[role])[::-1] for role in ("head", "tail"))
    return [*others, *_halves(solid, trunk, head, tail, RIGID[body])]


def _end(anatomy: Anatomy, frame: Frame, trunk: NDArray, role: str) -> int:
    """The foremost or hindmost voxel that is near the long axis, so that no lobe of a fin is an end."""
    solid = anatomy.solid
    left, up, front = frame.to_body(solid.points).T
    along = front if role == "head" else -front
    aside = 2 * abs(left) + abs(up - np.median(up[trunk]))
    return int(np.argmax(np.where(trunk, along - aside, -np.inf)))


def _halves(solid: Solid, trunk: NDArray, head: NDArray, tail: NDArray, rigid: tuple[float, float]) -> list[Limb]:
    """Head and tail on two paths from the body's centre; each takes the flesh that is nearest to its own path."""
    shared = min(len(head), len(tail))
    same = head[:shared] == tail[:shared]
    fork = shared - 1 if same.all() else max(int(np.argmin(same)) - 1, 0)
    starts = [fork + int(share * (len(path) - fork)) for share, path in zip(rigid, (head, tail), strict=True)]
    labels = np.full(len(solid), -1)
    labels[head[: starts[0]]], labels[tail[: starts[1]]] = 0, 0
    labels[head[starts[0] :]], labels[tail[starts[1] :]] = 1, 2
    trunk = trunk | (labels >= 0)
    distance, before = solid.paths(np.flatnonzero(labels >= 0), within=trunk)
    follow_paths(np.argsort(distance, kind="stable"), before, labels)
    limbs = zip((1, 2), ("head", "tail"), (head, tail), starts, strict=True)
    return [Limb(role, trunk & (labels == label), path, start) for label, role, path, start in limbs]
