"""Limbs of the procedural objects, and how they move."""

import numpy as np
import pytest

from to4d_lab.data import animals, humanoids, plants
from to4d_lab.data.animated import passing
from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.limb_motions import LIMB_MOTIONS
from to4d_lab.data.posing import limbs
from to4d_lab.data.style import Style

TAU = np.arange(16) / 16
STYLE = Style(amplitude=1.0, speed=1.0, sign=-1.0, phase=0.9, cycles=0.4, heading=0.3)
OBJECTS = {
    "figure": humanoids.figure,
    "robot": humanoids.robot,
    "teddy": humanoids.teddy,
    "snowman": humanoids.snowman,
    "elephant": lambda rng: animals.quadruped(rng, "elephant"),
    "bird": animals.bird,
    "fish": animals.fish,
    "plant": plants.potted_plant,
    "flower": plants.flower,
    "tree": plants.tree,
}


def made(name: str) -> ColouredMesh:
    """The same random object every time."""
    return OBJECTS[name](np.random.default_rng(3))


def moved(kind: str, name: str) -> tuple[ColouredMesh, np.ndarray]:
    """An object and its poses (V, N, 3)."""
    mesh = made(name)
    return mesh, LIMB_MOTIONS[kind][1](mesh, TAU, STYLE)


def foot(points: np.ndarray, mesh: ColouredMesh, leg: Limb) -> np.ndarray:
    """Where the lowest vertex of a leg is over time, (V, 3)."""
    return points[:, np.where(leg.members > 0.5, mesh.vertices[:, 1], np.inf).argmin()]


@pytest.mark.parametrize("name", OBJECTS)
def test_every_motion_starts_at_rest_stays_in_place_and_moves(name: str) -> None:
    mesh, names = made(name), {limb.name for limb in made(name).limbs}
    kinds = [kind for kind, (needs, _) in LIMB_MOTIONS.items() if names.issuperset(needs)]
    size = np.ptp(mesh.vertices, axis=0).max()
    assert kinds
    for kind in kinds:
        points = LIMB_MOTIONS[kind][1](mesh, TAU, STYLE)
        assert np.allclose(points[0], mesh.vertices), kind
        assert np.abs(points - mesh.vertices).max() > 0.05 * size, kind
        assert np.abs(points.mean(1) - mesh.vertices.mean(0)).max() < 0.4 * size, kind


def test_feet_of_a_walker_are_out_of_phase_and_on_the_ground() -> None:
    mesh, points = moved("walk", "figure")
    left, right = (foot(points, mesh, leg)[:, 2] for leg in limbs(mesh, "leg"))
    assert np.corrcoef(left, right)[0, 1] < -0.3
    assert np.allclose(points[..., 1].min(1), mesh.vertices[:, 1].min())


def test_four_legs_walk_in_diagonal_pairs() -> None:
    mesh, points = moved("walk", "elephant")
    z = {(leg.side, leg.end): foot(points, mesh, leg)[:, 2] for leg in limbs(mesh, "leg")}
    assert np.corrcoef(z[1, 1], z[-1, -1])[0, 1] > 0.9
    assert np.corrcoef(z[1, 1], z[1, -1])[0, 1] < -0.3


def test_a_runner_leaves_the_ground() -> None:
    mesh, points = moved("run", "figure")
    lowest = points[..., 1].min(1) - mesh.vertices[:, 1].min()
    assert lowest.min() > -1e-6
    assert lowest.max() > 0.05 * np.ptp(mesh.vertices[:, 1])


def test_one_arm_waves_up_at_the_head() -> None:
    mesh, points = moved("wave", "robot")
    left, right = limbs(mesh, "arm")
    assert np.array_equal(points[:, right.members > 0], np.repeat(mesh.vertices[None, right.members > 0], 16, 0))
    assert points[-1, left.members > 0, 1].max() > limbs(mesh, "head")[0].pivot[1]


def test_the_pot_stays_when_leaves_sway() -> None:
    mesh, points = moved("leaves_sway", "plant")
    pot = limbs(mesh, "leaves")[0].members == 0
    assert pot.sum() > 50
    assert np.array_equal(points[:, pot], np.repeat(mesh.vertices[None, pot], 16, 0))


def test_what_hangs_on_the_head_goes_with_it() -> None:
    mesh, points = moved("head_nod", "elephant")
    for limb in limbs(mesh, "ear", "trunk"):
        assert (np.abs(points - mesh.vertices).max((0, 2))[limb.members > 0] > 0).all()


def test_limbs_survive_scaling_and_moving() -> None:
    mesh, factor, offset = made("figure"), np.array([2.0, 0.5, 1.5]), np.array([0.1, -3.0, 0.7])
    other = mesh.scaled(factor).moved(offset)
    assert np.allclose(other.vertices, mesh.vertices * factor + offset)
    for before, after in zip(mesh.limbs, other.limbs, strict=True):
        assert np.allclose(after.pivot, before.pivot * factor + offset)
        assert np.array_equal(after.members, before.members)
        assert (after.name, after.side) == (before.name, before.side)


def test_joints_lie_at_their_limbs() -> None:
    for name in OBJECTS:
        mesh = made(name)
        for limb in mesh.limbs:
            part = mesh.vertices[limb.members > 0]
            assert (limb.pivot >= part.min(0) - 0.1).all() and (limb.pivot <= part.max(0) + 0.1).all(), (
                name,
                limb.name,
            )


@pytest.mark.parametrize("start", [0.0, 0.3, 0.85])
@pytest.mark.parametrize(
    ("feet", "ahead"),
    [
        ([[0.2, 0.0, 0.0], [-0.2, 0.0, 0.0]], [1, -1]),  # two legs, the left first
        ([[0.2, 0, 0.6], [-0.2, 0, 0.6], [0.2, 0, -0.6], [-0.2, 0, -0.6]], [1, -1, -1, 1]),  # a trot
        ([[0.2, 0, 0.6], [-0.2, 0, 0.6], [0.2, 0, -0.6], [-0.2, 0, -0.6]], [1, 1, -1, -1]),  # a gallop
    ],
)
def test_a_cycle_is_known_by_when_its_feet_pass(start, feet, ahead):
    tau = np.arange(32) / 32
    points = np.array([*feet, [0.0, 1.0, 0.0], [0.0, 1.2, 0.1]])
    poses = np.repeat(points[None], len(tau), 0)
    poses[:, : len(feet), 2] += 0.1 * np.sin(2 * np.pi * (tau - start))[:, None] * ahead
    poses[..., 2] += 0.3 * tau[:, None]  # it goes somewhere, which is no step
    assert (passing(poses) - start + 0.5) % 1.0 - 0.5 == pytest.approx(0.0, abs=1e-6)
