"""A biped of three capsules: a trunk and two legs, its rig, and a field that is dense inside."""

import numpy as np
import torch
import trimesh
from torch import Tensor, nn

from to4d.types import Material, Mesh, Rig

CAPSULES = (  # ends, radius, colour
    ((0.0, 0.0, 0.0), (0.0, 0.35, 0.0), 0.11, (0.2, 0.3, 0.8)),
    ((0.07, -0.02, 0.0), (0.07, -0.42, 0.0), 0.05, (0.9, 0.2, 0.1)),
    ((-0.07, -0.02, 0.0), (-0.07, -0.42, 0.0), 0.05, (0.1, 0.7, 0.2)),
)
COLOURS = torch.tensor([colour for *_, colour in CAPSULES])
CROSSED = torch.tensor([[-0.25, 0.0, -0.6], [0.25, 0.0, 0.6]])  # hips' axis-angles: the left leg in front of the right


def biped() -> tuple[Mesh, Rig]:
    """The mesh and its rig: a root and two hips; every vertex follows one of them."""
    parts = [capsule(*map(np.array, ends), radius) for *ends, radius, _ in CAPSULES]
    shape = trimesh.util.concatenate(parts)
    owner = torch.from_numpy(np.repeat(np.arange(3), [len(part.vertices) for part in parts]))
    colours = torch.cat([COLOURS, torch.ones(3, 1)], 1).repeat_interleave(
        torch.tensor([len(part.faces) for part in parts]), 0
    )
    count, still = len(shape.faces), torch.eye(4, dtype=torch.float64)
    vertices, faces = torch.from_numpy(shape.vertices.copy()).float(), torch.from_numpy(shape.faces.copy()).long()
    look = colours[:, None].repeat(1, 3, 1), torch.zeros(count, dtype=torch.long), (Material(),)
    joints = torch.tensor([ends[0] for *ends, _, _ in CAPSULES])
    names, roles = ("root", "hip.l", "hip.r"), ("root", "leg_L", "leg_R")
    weights = owner[:, None], torch.ones(len(owner), 1)
    rig = Rig(joints, (-1, 0, 0), names, roles, (0, 0, 0), *weights, "biped", 1.0, "found")
    return Mesh(vertices, faces, torch.zeros(count, 3, 2), *look, still), rig


def capsule(start: np.ndarray, end: np.ndarray, radius: float) -> trimesh.Trimesh:
    way = end - start
    shape = trimesh.creation.capsule(np.linalg.norm(way), radius, count=[24, 24])
    shape.apply_translation(-shape.bounds.mean(0))
    shape.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], way / np.linalg.norm(way)))
    return shape.apply_translation((start + end) / 2)


class Capsules(nn.Module):
    """A static field that is dense inside, as `StaticField` would be fitted to the mesh."""

    def distances(self, points: Tensor) -> Tensor:
        found = []
        for start, end, radius, _ in CAPSULES:
            start, way = points.new_tensor(start), points.new_tensor(end) - points.new_tensor(start)
            along = ((points - start) @ way / way.square().sum()).clamp(0, 1)
            found.append((points - start - along[:, None] * way).norm(dim=-1) - radius)
        return torch.stack(found, -1)

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        return 2000.0 * (self.distances(points).amin(-1) < 0)

    def forward(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return self.density(points, times), COLOURS[self.distances(points).argmin(-1)]

    def start_from(self, points: Tensor) -> None:
        """Nothing to start from."""
