"""A skeleton as a file has it, before anything is known of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Skeleton:
    """J joints at rest, y up, and what each moves."""

    names: tuple[str, ...]
    parents: tuple[int, ...]  # -1: the root, joint 0; parents stand before their children
    joints: NDArray  # (J, 3)
    tips: NDArray  # (J, 3) the far end of what the joint moves; the joint itself where it moves nothing
    mass: NDArray  # (J,) how much of the surface the joint moves, at least 0
    extent: NDArray  # (3,) of the surface

    def children(self) -> list[list[int]]:
        """Of each joint."""
        below: list[list[int]] = [[] for _ in self.parents]
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                below[parent].append(joint)
        return below

    def ancestors(self, joint: int) -> list[int]:
        """The joint itself, its parent and so on up to the root."""
        path = [joint]
        while self.parents[path[-1]] >= 0:
            path.append(self.parents[path[-1]])
        return path

    def subtree_mass(self) -> NDArray:
        """(J,) of each joint with all below it."""
        total = np.array(self.mass, float)
        for joint in range(len(self.parents) - 1, 0, -1):
            total[self.parents[joint]] += total[joint]
        return total

    def permuted(self, order: NDArray, parents: Sequence[int]) -> "Skeleton":
        """With other parents, in an order that has them before their children."""
        new = np.argsort(order)
        above = tuple(int(new[parents[old]]) if parents[old] >= 0 else -1 for old in order)
        names = tuple(self.names[old] for old in order)
        return replace(
            self, names=names, parents=above, joints=self.joints[order], tips=self.tips[order], mass=self.mass[order]
        )

    def turned(self, yaw: float) -> "Skeleton":
        """Turned by `yaw` radians about the vertical, from z to x."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        extent = np.abs(turn) @ self.extent  # exact for quarter turns
        return replace(self, joints=self.joints @ turn.T, tips=self.tips @ turn.T, extent=extent)


def parents_first(parents: Sequence[int]) -> NDArray:
    """(J,) an order of joints in which parents stand before their children; as before, where they did."""
    depth = np.zeros(len(parents), int)
    for joint in range(len(parents)):
        above = joint
        while (above := parents[above]) >= 0:
            depth[joint] += 1
    done = all(parent < joint for joint, parent in enumerate(parents))
    return np.arange(len(parents)) if done else np.argsort(depth, kind="stable")


def nearest_named(parents: Sequence[int], roles: Sequence[str]) -> tuple[str, ...]:
    """The role that each joint moves with: its own, or that of the nearest joint above which has one.

    Joints with the role `other` (twist bones, fingers, eyes, weapons) hang on a part of the body.
    """
    moved: list[str] = []
    for parent, role in zip(parents, roles, strict=True):
        moved.append(role if role != "other" or parent < 0 else moved[parent])
    return tuple(moved)
