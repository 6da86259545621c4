"""Tracks of surface points: found for any smooth motion; and each check on them passes its own motion alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball import MovingBall
from plain_field import PlainField

from to4d.metrics.checks.limb_checks import limb_phase
from to4d.metrics.checks.prompt_check import TRACK_CHECKS, best_verdict, check_clip
from to4d.metrics.checks.track_checks import best_rotation, relative_to_body, yaw
from to4d.metrics.final_metrics import FinalMetrics
from to4d.metrics.surface_sample import surface_points
from to4d.model.deformation import DeformationField
from to4d.objects.plant import load_plant
from to4d.protocols import Scene
from to4d.surface_tracks import track_by_inversion
from to4d.types import Cameras, Prompt, Render
from to4d.viewpoints import Viewpoints
from to4d_lab.data.object_motions import MOTIONS, move
from to4d_lab.data.style import Style

TIMES = torch.arange(16) / 16
TAU = np.arange(16) / 16


def box(centre, size, count, seed=0) -> torch.Tensor:
    """(count, 3) random points of a box, at rest."""
    random = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.tensor(centre, dtype=torch.float64) + (random - 0.5) * torch.tensor(size, dtype=torch.float64)


PARTS = {  # a doll one unit high
    "body": box((0, 0.6, 0), (0.3, 0.8, 0.2), 600),
    "left_leg": box((-0.1, 0.1, 0), (0.1, 0.2, 0.1), 80, 1),
    "right_leg": box((0.1, 0.1, 0), (0.1, 0.2, 0.1), 80, 2),
    "left_arm": box((-0.3, 0.7, 0), (0.3, 0.1, 0.1), 80, 3),
    "right_arm": box((0.3, 0.7, 0), (0.3, 0.1, 0.1), 80, 4),
}
DOLL = torch.cat(list(PARTS.values()))


def doll(**shifts) -> torch.Tensor:
    """(V, N, 3) the doll with parts moved by paths: name=(axis, path (V,))."""
    parts = []
    for name, points in PARTS.items():
        moved = points.repeat(len(TAU), 1, 1)
        if name in shifts:
            axis, path = shifts[name]
            moved[..., axis] += torch.as_tensor(path)[:, None]
        parts.append(moved)
    return torch.cat(parts, 1)


def walk(shift=math.pi, size=0.08) -> torch.Tensor:
    return doll(left_leg=(2, size * np.sin(3 * math.pi * TAU)), right_leg=(2, size * np.sin(3 * math.pi * TAU + shift)))


def wave(size=0.2) -> torch.Tensor:
    return doll(right_arm=(1, size * np.sin(3 * math.pi * TAU)))


def whole(kind: str, amplitude: float = 1.0, heading: float = 0.4) -> torch.Tensor:
    style = Style(amplitude, 1.0, 1.0, 0.0, 0.5, heading)
    return torch.from_numpy(move(kind, DOLL.numpy(), TAU, style))


MOVED = {
    "spinning": whole("spin"),
    "twisting": whole("twist"),
    "rolling": whole("roll"),
    "still": whole("still"),
    "swaying": whole("sway"),
    "shaking": whole("shake"),
    "falling": whole("fall"),
    "walking": walk(),
    "waving": wave(),
}
OWN = {"spin": "spinning", "twist": "twisting", "roll": "rolling", "still": "still"}
OWN |= {"sway": "swaying", "shake": "shaking", "fall": "falling"}
ALIKE = {"rock": ["swaying"], "ripple": ["swaying"], "swim": ["shaking"], "flap": []}  # no check tells these apart


@pytest.mark.parametrize("kind", MOVED)
def test_a_check_passes_its_own_motion_and_no_other(kind):
    assert [name for name, check in TRACK_CHECKS.items() if check(MOVED[kind]).passed] == [kind]


@pytest.mark.parametrize("motion", sorted(set(MOTIONS) - set(OWN)))
@pytest.mark.parametrize("heading", [0.0, 1.2])
def test_other_motions_of_the_whole_object_pass_no_check_on_tracks(motion, heading):
    answers = {name: check(whole(motion, heading=heading)) for name, check in TRACK_CHECKS.items()}
    assert [answer.kind for answer in answers.values() if answer.passed] == ALIKE.get(motion, [])


@pytest.mark.parametrize("motion", ["sway", "shake", "fall"])
def test_a_motion_to_a_side_is_seen_in_every_direction(motion):
    assert all(TRACK_CHECKS[OWN[motion]](whole(motion, heading=heading)).passed for heading in np.linspace(0, 6, 7))


def test_a_fall_counts_from_45_degrees_and_only_to_the_side():
    upright = whole("still")
    assert (
        not TRACK_CHECKS["falling"](whole("fall", 0.5)).passed and TRACK_CHECKS["falling"](whole("fall", 0.65)).passed
    )
    assert not TRACK_CHECKS["falling"](torch.cat([upright[:8], upright[:8].flip(-1)])).passed  # tilted, but on the spot


@pytest.mark.parametrize("kind", MOVED)
def test_answers_do_not_depend_on_size_and_place(kind):
    there = 0.3 * MOVED[kind] + torch.tensor([1.0, -2.0, 0.5])
    here = TRACK_CHECKS[kind](MOVED[kind])
    assert TRACK_CHECKS[kind](there).passed and TRACK_CHECKS[kind](there).value == pytest.approx(here.value, rel=1e-3)


@pytest.mark.parametrize("turns", [0.1, -0.4, 1.5])
def test_yaw_counts_whole_turns(turns):
    angle = torch.tensor(2 * math.pi * turns * TAU)
    cos, sin, one = angle.cos(), angle.sin(), torch.ones(16, dtype=torch.float64)
    turn = torch.stack([cos, 0 * one, sin, 0 * one, one, 0 * one, -sin, 0 * one, cos], -1).view(16, 3, 3)
    moved = torch.einsum("vij,nj->vni", turn, DOLL) + torch.tensor([0.3, 0.1, 0.0])
    assert yaw(moved).numpy() == pytest.approx(angle.rad2deg().numpy(), abs=1e-6)
    assert best_rotation((DOLL - DOLL.mean(0))[None], (moved - moved.mean(1, keepdim=True))).allclose(turn)
    assert relative_to_body(moved).allclose(moved[:1].expand_as(moved), atol=1e-6)


def test_a_turn_of_sixty_degrees_is_a_spin_and_a_little_less_is_not():
    amplitude = 60.0 / TRACK_CHECKS["spinning"](whole("spin")).value
    assert TRACK_CHECKS["spinning"](whole("spin", 1.001 * amplitude)).passed
    assert not TRACK_CHECKS["spinning"](whole("spin", 0.999 * amplitude)).passed


def test_legs_that_go_together_do_not_walk():
    assert limb_phase(walk())[0].correlation == pytest.approx(-1.0, abs=0.01)
    assert limb_phase(walk(0.0))[0].correlation == pytest.approx(1.0, abs=0.01)
    assert not TRACK_CHECKS["walking"](walk(0.0)).passed and not TRACK_CHECKS["walking"](walk(size=0.02)).passed


def test_four_legs_walk_in_diagonal_pairs():
    legs = [(box((x, 0.1, z), (0.1, 0.2, 0.1), 60), np.sign(x * z)) for x in (-0.2, 0.2) for z in (-0.5, 0.5)]
    step = torch.tensor(0.1 * np.sin(3 * math.pi * TAU))[:, None]
    parts = [box((0, 0.4, 0), (0.5, 0.4, 1.2), 800).repeat(16, 1, 1)]
    for leg, sign in legs:
        parts.append(leg.repeat(16, 1, 1))
        parts[-1][..., 2] += sign * step
    assert TRACK_CHECKS["walking"](torch.cat(parts, 1)).passed


def test_four_legs_gallop_front_against_back_and_what_breathes_does_not():
    step, parts = torch.tensor(0.1 * np.sin(3 * math.pi * TAU))[:, None], []
    body = box((0, 0.4, 0), (0.5, 0.4, 1.2), 800).repeat(16, 1, 1)
    for x in (-0.2, 0.2):
        for z in (-0.5, 0.5):
            parts.append(box((x, 0.1, z), (0.1, 0.2, 0.1), 60).repeat(16, 1, 1))
            parts[-1][..., 2] += np.sign(z) * step
    gallop = TRACK_CHECKS["walking"](torch.cat([body, *parts], 1))
    assert gallop.passed and gallop.value == pytest.approx(0.1 / 0.6, rel=0.1)
    longer = body + step[..., None] * torch.tensor([0.0, 0.0, 2.0]) * body
    assert not TRACK_CHECKS["walking"](torch.cat([longer, *parts], 1)).passed


def test_a_walker_that_sways_as_a_whole_still_walks():
    sway = torch.tensor([0.1, 0.05, 0.0]) * torch.tensor(np.sin(6 * TAU))[:, None, None]
    assert TRACK_CHECKS["walking"](walk() + sway).passed


def test_both_arms_in_the_air_do_not_wave():
    path = 0.2 * np.sin(3 * math.pi * TAU)
    assert not TRACK_CHECKS["waving"](doll(left_arm=(1, path), right_arm=(1, path))).passed


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.floats(0.0, 0.03))
def test_the_places_of_a_smooth_motion_are_found(seed, size):
    torch.manual_seed(seed)
    motion = DeformationField()
    for knots in motion.knots:
        torch.nn.init.normal_(knots, std=size / knots.shape[-1] ** 0.5)
    points = 1.1 * torch.rand(80, 3) - 0.55
    tracks = track_by_inversion(motion, points, TIMES)
    assert tracks.found.all() and (tracks.positions[0] - points).abs().max() <= 1e-6
    for places, time in zip(tracks.positions, TIMES.tolist(), strict=True):
        assert (places + motion(places, torch.full((80,), time)) - points).norm(dim=-1).max() < 1e-3


@settings(max_examples=10, deadline=None)
@given(degrees=st.floats(-175.0, 175.0))
def test_turns_of_any_angle_are_found_at_once(degrees):
    angle = torch.tensor(degrees).deg2rad()
    turn = torch.tensor([[angle.cos(), 0, angle.sin()], [0, 1, 0], [-angle.sin(), 0, angle.cos()]])
    points = torch.rand(50, 3) - 0.5
    tracks = track_by_inversion(lambda x, t: x @ turn - x, points, torch.tensor([0.5]))
    assert tracks.found.all() and tracks.positions[0].allclose(points @ turn.T, atol=1e-3)


def test_what_is_nowhere_to_be_seen_is_reported():
    points = torch.rand(20, 3) - 0.5
    tracks = track_by_inversion(lambda x, t: x.clamp(max=0.0) - x, points, torch.tensor([0.0]))  # only x <= 0 shows
    shown = (points <= 0).all(-1)
    assert (tracks.found[0] == shown).all() and tracks.complete().shape == (1, int(shown.sum()), 3)


def test_surface_points_are_the_same_at_every_call_and_lie_on_the_mesh():
    mesh = load_plant()
    points = surface_points(mesh, 300)
    assert points.equal(surface_points(mesh, 300))
    assert (points >= mesh.vertices.amin(0) - 1e-6).all() and (points <= mesh.vertices.amax(0) + 1e-6).all()


def test_a_hand_that_waves_is_enough_and_a_flag_that_sways_too():
    resting = torch.ones(4, 16, 8, 8)
    verdicts = {kind: check_clip(kind, resting, wave()) for kind in ("waving", "swaying")}
    assert best_verdict("waving", verdicts).kind == "waving" and best_verdict("waving", verdicts).passed_views == 4
    verdicts["waving"] = check_clip("waving", resting)
    assert verdicts["waving"] is None and best_verdict("waving", verdicts).kind == "swaying"


class Turning(PlainField):
    """A field of which only the motion is asked: it turns by `degrees` over the clip."""

    def __init__(self, degrees: float) -> None:
        super().__init__()
        self.rate = math.radians(degrees)

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        cos, sin = (self.rate * times).cos(), (self.rate * times).sin()
        x, y, z = points.unbind(-1)
        return torch.stack([x * cos - z * sin, y, z * cos + x * sin], -1) - points


class BallOfPlant(MovingBall):
    """A `ReferenceRenderer` of the plant, which it shows as a ball."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.mesh = load_plant()

    def draw(self, cameras: Cameras, vertices: torch.Tensor, normals: bool = True) -> Render:
        return self(cameras, torch.zeros(len(vertices)), normals)


class FieldBall(MovingBall):
    """A `Renderer` of a field, which it never draws: a ball at rest."""

    def __init__(self, field: torch.nn.Module) -> None:
        super().__init__(0.0)
        self.field, self.needs_static_fit = field, True

    def bind(self, reference: torch.nn.Module, generator: torch.Generator) -> None:
        pass

    def update(self, generator: torch.Generator) -> None:
        pass


def measured(degrees: float | None) -> dict:
    renderer = MovingBall(0.0) if degrees is None else FieldBall(Turning(degrees))
    return FinalMetrics(views=Viewpoints(size=32))(Scene(BallOfPlant(), renderer, Prompt("a ball spinning", "ball")))


def test_a_moved_field_that_turns_spins_in_all_views():
    figures = measured(120.0)
    assert figures["eval/motion"] == "spinning" and figures["eval/motion_passed"] is True
    assert figures["eval/views_passing/spinning"] == 4 and figures["eval/views_passing/still"] == 0
    assert figures["eval/motion/000"]["value"] == pytest.approx(120 * 15 / 16, rel=0.01)
    assert figures["eval/tracks_found"] == 1.0


def test_a_field_without_a_motion_has_no_tracks_and_says_so():
    figures = measured(None)
    assert figures["eval/views_passing/spinning"] is None and figures["eval/motion_passed"] is None
    assert "model=deform" in figures["eval/notes"]["eval/motion_passed"]
    assert "model=deform" in figures["eval/notes"]["eval/views_passing/walking"]
