"""A motion's effect on a surface is measured, and one that bursts neither reaches the asset nor takes for ever."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_field import PlainField

from to4d.export.gltf.distortion import BURST, SurfaceEdges, edge_change, flipped_triangles, hold_back_bursts, unfold
from to4d.export.gltf.exporter import Glb
from to4d.export.gltf.morph_targets import WeldedSurface
from to4d.objects.plant import load_plant
from to4d.surface_tracks import MAX_STEPS, track_by_inversion
from to4d.types import Prompt

BALL = trimesh.creation.icosphere(3, 0.5)
SURFACE = WeldedSurface(np.asarray(BALL.vertices), np.asarray(BALL.faces))


def turned(degrees: float) -> np.ndarray:
    """The ball's move when it turns."""
    turn = trimesh.transformations.rotation_matrix(np.radians(degrees), [1, 2, 3])[:3, :3]
    return SURFACE.points @ turn.T - SURFACE.points


@settings(max_examples=10, deadline=None)
@given(degrees=st.floats(-180, 180), shift=st.floats(-1, 1))
def test_what_moves_rigidly_has_no_energy(degrees, shift):
    assert SurfaceEdges(SURFACE).arap_energy(turned(degrees) + shift) == pytest.approx(0.0, abs=1e-6)


def test_the_energy_of_growth_is_its_square_and_a_mirror_is_no_turn():
    edges = SurfaceEdges(SURFACE)
    assert edges.arap_energy(0.5 * SURFACE.points) == pytest.approx(0.25, abs=1e-9)
    assert (
        edges.arap_energy(-2.0 * SURFACE.points) > 1e-3
    )  # next to flat, a point and its neighbours are nearly their mirror image
    sheared = SURFACE.points[:, [1]] * [1.0, 0.0, 0.0]
    assert 0.05 < edges.arap_energy(sheared) < 1.0


def spike(count: int, size: float) -> np.ndarray:
    """Turns of the ball in five frames, in the last three of which its first points stick out."""
    moves = np.stack([turned(4.0 * frame) for frame in range(5)])
    moves[2:, :count] += size
    return moves


def test_a_few_points_that_burst_move_like_their_neighbours_and_the_rest_is_untouched():
    moves, found = spike(2, 3.0), np.ones((5, len(SURFACE.points)), bool)
    assert edge_change(SURFACE, moves)[1] > BURST
    held = hold_back_bursts(SURFACE, moves, found)
    assert held.last == 4 and 0 < held.exploding < 0.1 and edge_change(SURFACE, held.moves)[1] < 1.5
    assert (held.moves[held.found] == moves[held.found]).all() and held.found[:2].all()
    assert not held.found[2:, :2].any() and held.found.mean() > 0.9


def test_a_tear_is_spread_as_wide_as_it_takes():
    shift = np.where(SURFACE.points[:, 1:2] > 0.0, [[0.0, 0.5, 0.0]], 0.0)
    moves, found = np.stack([np.zeros_like(shift), 0.5 * shift, shift]), np.ones((3, len(SURFACE.points)), bool)
    assert edge_change(SURFACE, moves)[1] > BURST
    held = hold_back_bursts(SURFACE, moves, found)
    assert held.last == 2 and edge_change(SURFACE, held.moves)[1] <= BURST and held.found[2].mean() > 0.8
    assert (held.moves[2].min(0) >= 0.0).all() and (held.moves[2] <= shift.max(0)).all()  # between what both sides do


@settings(max_examples=20, deadline=None)
@given(degrees=st.floats(-180, 180), growth=st.floats(0.3, 2.0), reach=st.floats(0.1, 0.2))
def test_a_piece_turned_inside_out_goes_where_the_surface_around_it_puts_it(degrees, growth, reach):
    """However far that has turned and grown; nothing else moves."""
    onward = growth * trimesh.transformations.rotation_matrix(np.radians(degrees), [1, 2, 3])[:3, :3]
    middle = SURFACE.points[0]
    piece = np.linalg.norm(SURFACE.points - middle, axis=1) < reach
    across = np.cross(middle, [0.0, 0.0, 1.0]) / np.linalg.norm(np.cross(middle, [0.0, 0.0, 1.0]))
    mirrored = SURFACE.points - 2.0 * piece[:, None] * ((SURFACE.points - middle) @ across)[:, None] * across
    right, move = SURFACE.points @ onward.T - SURFACE.points, mirrored @ onward.T - SURFACE.points
    alive, edges = np.ones(len(right), bool), SurfaceEdges(SURFACE)
    slopes = np.tile(np.linalg.inv(onward), (len(right), 1, 1))
    assert flipped_triangles(SURFACE, move, slopes).any() and not flipped_triangles(SURFACE, right, slopes).any()
    flat, near = unfold(edges, move, alive, right, slopes)
    assert not flipped_triangles(SURFACE, flat, near).any() and not edges.exploding(flat).any()
    assert (flat == move).all(1).mean() > 0.8 and np.linalg.norm(flat - right, axis=1).max() < 0.15 * growth
    np.testing.assert_allclose(near, slopes, atol=1e-6)


def test_a_surface_that_is_inside_out_everywhere_stays_as_it_is():
    slopes = np.tile(np.eye(3), (len(SURFACE.points), 1, 1))
    move, alive = SURFACE.points * [-2.0, 0.0, 0.0], np.ones(len(SURFACE.points), bool)
    kept, _ = unfold(SurfaceEdges(SURFACE), move, alive, 0.0 * move, slopes)
    assert (kept == move).all() and flipped_triangles(SURFACE, kept, slopes).mean() > 0.5


def test_a_part_of_which_nothing_is_known_moves_as_one_like_what_is_near_it():
    apart = WeldedSurface(
        np.concatenate([SURFACE.points, 0.1 * SURFACE.points + [1.2, 0.0, 0.0]]),
        np.concatenate([SURFACE.faces, SURFACE.faces + len(SURFACE.points)]),
    )
    known = np.arange(len(apart.points)) < len(SURFACE.points)
    move = 0.3 * apart.points * [1.0, 0.0, 0.0]
    spanned = SurfaceEdges(apart).spanned(move, known, np.zeros_like(move))
    assert (spanned[known] == move[known]).all() and np.ptp(spanned[~known], axis=0).max() < 1e-12
    assert spanned[~known][0, 0] == pytest.approx(0.15, abs=0.02)


def test_a_surface_that_bursts_stands_still_from_there_on():
    moves, found = spike(200, 3.0), np.ones((5, len(SURFACE.points)), bool)
    held = hold_back_bursts(SURFACE, moves, found)
    assert held.last == 1 and (held.moves[:2] == moves[:2]).all() and (held.moves[2:] == moves[1]).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.floats(0, 0.5), lost=st.floats(0, 1))
def test_nothing_explodes_whatever_the_motion(seed, size, lost):
    random = np.random.default_rng(seed)
    moves = random.normal(0, size, (4, len(SURFACE.points), 3)).cumsum(0)
    moves[0] = 0.0
    held = hold_back_bursts(SURFACE, moves, random.random(moves.shape[:2]) > lost)
    edges = SurfaceEdges(SURFACE)
    assert not any(edges.exploding(move).any() for move in held.moves)


def test_growing_as_a_whole_is_no_burst():
    moves = np.arange(4)[:, None, None] * 2.0 * SURFACE.points
    held = hold_back_bursts(SURFACE, moves, np.ones((4, len(SURFACE.points)), bool))
    assert held.last == 3 and held.exploding == 0 and (held.moves == moves).all()


class Bursting(PlainField):
    """From t = 0.5 on, what is above the middle comes from ever thinner slices: it is torn apart."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def displacement(self, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        share = (2.2 * (times - 0.5)).clamp(0.0, 0.99)
        rise = -0.05 * times + torch.where(points[:, 1] > 0, -share * points[:, 1], 0.0 * points[:, 1])
        return torch.stack([0.0 * rise, rise, 0.0 * rise], -1)


def test_a_clip_that_bursts_is_warned_of_and_leaves_an_asset_that_does_not(tmp_path, caplog):
    parts = {"reference": SimpleNamespace(mesh=load_plant()), "renderer": SimpleNamespace(field=Bursting())}
    scene = SimpleNamespace(prompt=Prompt("a plant bursting", "plant"), **parts)
    figures = Glb(frames=12)(scene, tmp_path)
    assert 0 < figures["export/held_frames"] < 6 and figures["export/longest_edge"] < 2 * BURST
    assert figures["export/exploding_triangles"] > 0 and figures["export/arap_energy"] > 0.01
    assert re.search(rf"asset\.glb.* {11 - figures['export/held_frames']}\b", caplog.text)


def test_the_search_is_as_long_where_everything_is_lost_as_its_bound_says():
    asked, frames = 0, 8

    def nowhere(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        nonlocal asked
        asked += len(x)
        return torch.where(t[:, None] > 0, torch.sin(40.0 * x) + 9.0, 0.0 * x)

    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    tracks = track_by_inversion(nowhere, points, torch.arange(frames) / frames)
    assert not tracks.found[1:].any()
    assert asked <= len(points) * (frames + 2 * (1 + 10 * MAX_STEPS))  # a point is searched for twice, and then no more
