"""What an asset plays, read back from its document: the motion of its surface, and how far it is from the field's."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from to4d.export.gltf.bake_motion import BATCH, BakedMotion, SurfaceMotion
from to4d.export.gltf.distortion import SurfaceEdges
from to4d.export.gltf.morph_targets import WeldedSurface, keyframes
from to4d.gltf.animation import Animation
from to4d.protocols import MeshBoundField

ALIKE = 1e-5  # share of the size: vertices that stand so near each other, at all times, are one point


@dataclass(frozen=True)
class PlayedMotion(SurfaceMotion):
    """A surface, in world units, that an asset moves."""

    misses: np.ndarray  # (V, P) distances from where the field has the points, world units


@torch.no_grad()
def play_motion(
    animation: Animation,
    clip: str,
    transform: np.ndarray,
    field: MeshBoundField,
    times: Tensor,
    fps: float,
    tolerance: float,
) -> PlayedMotion:
    """Play a clip at V frames.

    Args:
        animation: the asset.
        clip: its name.
        transform: (4, 4) from the asset's coordinates to the world.
        field: what moves the mesh.
        times: (V,) of the frames.
        fps: frames a second.
        tolerance: see `keyframes`; a share of the size.
    """
    seconds = np.arange(len(times)) / fps
    poses = np.stack([animation.vertices(clip, each) for each in seconds]) @ transform[:3, :3].T + transform[:3, 3]
    rest = animation.vertices() @ transform[:3, :3].T + transform[:3, 3]
    first, numbers = _points(rest, poses)
    surface = WeldedSurface(rest[first], numbers[animation.faces])
    moves = (poses[:, first] - surface.points).astype(np.float32)
    keys = keyframes(moves, tolerance * surface.size)
    wanted, slopes = _field_motion(field, surface.points, times, keys)
    edges = SurfaceEdges(surface)
    exploding = max(float(edges.exploding(move).mean()) for move in moves)
    motion = BakedMotion(moves, np.ones(moves.shape[:2], bool), exploding, len(moves) - 1, keys, slopes)
    return PlayedMotion(surface, motion, np.linalg.norm(surface.points + moves - wanted, axis=2))


def _points(rest: np.ndarray, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A vertex (P,) for each distinct point, and (N,) the point of each vertex: what is always together is one."""
    some = [rest, *poses[np.linspace(0, len(poses) - 1, 4).astype(int)]]
    cells = np.round(np.concatenate(some, 1) / (ALIKE * np.linalg.norm(np.ptp(rest, axis=0))))
    _, first, numbers = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    return first, numbers.reshape(-1)


def _field_motion(
    field: MeshBoundField, points: np.ndarray, times: Tensor, keys: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the field has points (P, 3), (V, P, 3), and the slopes (K, P, 3, 3) of the way back in key frames."""
    device = next((x.device for x in field.parameters()), torch.device("cpu"))
    parts = torch.from_numpy(points).float().to(device).split(BATCH)
    moments = times.to(device)
    places = [torch.cat([field.move(part, time[None])[0] for part in parts]) for time in moments]
    slopes = [torch.cat([field.forward_map(part, moments[key, None])[1][0] for part in parts]) for key in keys]
    return torch.stack(places).cpu().numpy(), torch.stack(slopes).cpu().numpy()
