"""Bodies of capsules whose limbs are known: closed meshes that overlap at the joints."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CapsuleBody:
    """A mesh of capsules."""

    vertices: NDArray  # (N, 3), y up, front +z, left +x
    faces: NDArray  # (M, 3)
    limb: NDArray  # (N,) the name of each vertex's capsule
    ends: dict[str, NDArray]  # the far end of each capsule


def capsule(start: NDArray, end: NDArray, radius: float, sides: int = 16) -> tuple[NDArray, NDArray]:
    """A closed capsule from start to end: vertices and outward faces."""
    axis = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    side = np.cross(axis, [1.0, 0.2, 0.3])
    side /= np.linalg.norm(side)
    around = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(around)[:, None] * side + np.sin(around)[:, None] * np.cross(axis, side)
    tilt = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)[1:-1]
    low, high = tilt[tilt <= 0], tilt[tilt >= 0]
    body = np.linspace(0, 1, max(3, sides))[1:-1]
    rings = [start + radius * (np.sin(t) * axis + np.cos(t) * ring) for t in low]
    rings += [start + share * (end - start) + radius * ring for share in body]
    rings += [end + radius * (np.sin(t) * axis + np.cos(t) * ring) for t in high]
    vertices = np.concatenate([[start - radius * axis], *rings, [end + radius * axis]])
    i = np.arange(sides)
    j, last = (i + 1) % sides, len(vertices) - 1
    faces = [np.stack([0 * i, 1 + j, 1 + i], 1)]
    for number in range(len(rings) - 1):
        one, two = 1 + number * sides, 1 + (number + 1) * sides
        faces += [np.stack([one + i, one + j, two + j], 1), np.stack([one + i, two + j, two + i], 1)]
    faces.append(np.stack([last - sides + i, last - sides + j, 0 * i + last], 1))
    return vertices, np.concatenate(faces)


def assemble(capsules: dict[str, tuple], sides: int = 16) -> CapsuleBody:
    """A body of named capsules (start, end, radius)."""
    parts = {name: capsule(np.array(a, float), np.array(b, float), r, sides) for name, (a, b, r) in capsules.items()}
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts.values())])
    return CapsuleBody(
        np.concatenate([vertices for vertices, _ in parts.values()]),
        np.concatenate([faces + start for (_, faces), start in zip(parts.values(), starts[:-1], strict=True)]),
        np.concatenate([np.full(len(vertices), name) for name, (vertices, _) in parts.items()]),
        {name: np.array(b, float) for name, (_, b, _) in capsules.items()},
    )


def quadruped(sides: int = 16, spread: float = 0.18) -> CapsuleBody:
    """A horse: its legs stand `spread` to the left and right."""
    legs = {
        f"{kind}_{side}": ((sign * spread, 0.7, z), (sign * spread, 0.05, z), 0.06)
        for kind, z in (("foreleg", 0.5), ("hindleg", -0.5))
        for side, sign in (("L", 1), ("R", -1))
    }
    trunk = {"trunk": ((0, 0.75, -0.5), (0, 0.75, 0.5), 0.2)}
    ends = {"head": ((0, 0.8, 0.55), (0, 1.3, 0.95), 0.1), "tail": ((0, 0.8, -0.6), (0, 0.35, -1.1), 0.05)}
    return assemble(trunk | legs | ends, sides)


def biped(sides: int = 16) -> CapsuleBody:
    """A man with his arms spread."""
    limbs = {}
    for side, sign in (("L", 1), ("R", -1)):
        limbs[f"leg_{side}"] = ((sign * 0.13, 0.8, 0), (sign * 0.16, 0.06, 0), 0.08)
        limbs[f"arm_{side}"] = ((sign * 0.15, 1.35, 0), (sign * 0.75, 1.0, 0), 0.06)
    return assemble(
        {"trunk": ((0, 0.85, 0), (0, 1.3, 0), 0.17), "head": ((0, 1.45, 0), (0, 1.8, 0), 0.13)} | limbs, sides
    )
