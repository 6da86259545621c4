"""Bones and weights that are fitted to a motion move the surface as they say they do."""

from types import SimpleNamespace

import gltf_check
import numpy as np
import pytest
import torch
from mesh_files import QUAD, QUAD_FACES, gltf, write_glb
from plain_field import PlainField
from scipy.spatial.transform import Rotation

from to4d.export.gltf.exporter import Glb
from to4d.export.gltf.fit_skin import fit_skin, simplex_least_squares
from to4d.gltf import animation as gltf_animation
from to4d.mesh import load_mesh
from to4d.types import Prompt

TIMES = np.linspace(0, 1, 5)


def box(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (count, 3))


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """(V, P, 3) about the vertical, over time."""
    return np.stack([points @ Rotation.from_euler("y", degrees * t, degrees=True).as_matrix().T for t in TIMES])


def error(points: np.ndarray, places: np.ndarray, count: int, sizes: bool = True) -> float:
    return float(np.linalg.norm(fit_skin(points, places, count, sizes).moved(points) - places, axis=-1).max())


def test_parts_that_move_rigidly_are_found_exactly():
    left, right = box(60, 0) - [2, 0, 0], box(60, 1) + [2, 0, 0]
    points, places = np.concatenate([left, right]), np.concatenate([turned(left, 80), turned(right, -50)], 1)
    rig = fit_skin(points, places, 2, sizes=False)
    assert np.abs(rig.moved(points) - places).max() < 1e-6
    assert rig.weights[:, 0] == pytest.approx(1.0) and len(set(rig.bones[:60, 0])) == len(set(rig.bones[60:, 0])) == 1


def test_growth_needs_bones_with_sizes():
    points = box(50, 2)
    places = (1 + TIMES[:, None, None]) * turned(points, 30)
    assert error(points, places, 1) < 1e-6 < 0.1 < error(points, places, 1, sizes=False)


def test_more_bones_come_nearer_to_a_bend_and_no_point_follows_more_than_four():
    points = box(300, 3) * [0.4, 3.0, 0.4]
    angle = 0.8 * TIMES[:, None] * points[:, 1]
    places = np.stack([points[:, 0] * np.cos(angle), points[:, 1] + 0 * angle, points[:, 0] * np.sin(angle)], -1)
    places[..., 0] += 0.3 * angle**2
    few, many = error(points, places, 2), error(points, places, 8)
    assert many < 0.5 * few and many < 0.1
    rig = fit_skin(points, places, 8, sizes=True)
    assert rig.weights.shape[1] == 4 and (rig.weights >= 0).all() and rig.weights.sum(1) == pytest.approx(1.0)


def test_the_cheapest_weights_are_no_worse_than_any_others():
    random = np.random.default_rng(4)
    roots = random.normal(size=(20, 6, 4))
    cost = np.einsum("pki,pkj->pij", roots, roots)
    best = simplex_least_squares(cost)
    tried = random.dirichlet(np.full(4, 0.5), 300)
    least = np.einsum("ni,pij,nj->pn", tried, cost, tried).min(1)
    assert (np.einsum("pi,pij,pj->p", best, cost, best) <= least + 1e-9).all() and best.sum(1) == pytest.approx(1.0)


class Twist(PlainField):
    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        angle = times * (0.5 + points[:, 1])
        x, y, z = points.unbind(-1)
        return torch.stack([x * angle.cos() - z * angle.sin(), y, x * angle.sin() + z * angle.cos()], -1) - points


def test_the_skinned_asset_moves_as_told_and_is_a_sound_file(tmp_path):
    header, blob = gltf({"POSITION": QUAD, "NORMAL": np.tile(np.float32([0, 0, 1]), (4, 1))}, QUAD_FACES, {})
    header["nodes"] = [{"name": "a", "mesh": 0, "translation": [9, 0, 0]}, {"name": "b", "mesh": 0, "scale": [1, 2, 1]}]
    header["scenes"] = [{"nodes": [0, 1]}]
    source = write_glb(tmp_path / "two.glb", header, blob)
    mesh = load_mesh(source)
    parts = {"reference": SimpleNamespace(mesh=mesh), "renderer": SimpleNamespace(field=Twist())}
    scene = SimpleNamespace(prompt=Prompt("a thing twisting", "thing"), **parts)
    Glb(frames=6, fps=12.0, tolerance=0.0)(scene, tmp_path / "shapes")
    figures = Glb(frames=6, fps=12.0, tolerance=0.0, skin=True, bones=4)(scene, tmp_path / "bones")
    header = gltf_check.check(tmp_path / "bones" / "asset.glb")
    shapes, bones = (gltf_animation.load_animation(tmp_path / name / "asset.glb") for name in ("shapes", "bones"))
    seconds = np.arange(6) / 12
    wanted, got = (file.poses("a thing twisting", seconds) for file in (shapes, bones))
    size = np.linalg.norm(np.ptp(wanted[0], axis=0))
    off = np.linalg.norm(wanted - got, axis=-1) / size
    assert off[0].max() < 1e-6 and off.max() == pytest.approx(figures["export/skin_error_max"], abs=1e-5)
    assert off.max() < 0.02 and figures["export/skin_bones"] <= 4
    assert header["nodes"][0] == {"name": "a", "translation": [9, 0, 0]} and len(header["skins"]) == 2
    assert all("targets" not in part for m in header["meshes"] for part in m["primitives"])
