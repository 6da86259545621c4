"""Each check fires on its own motion, on nothing else, and exactly at its threshold."""

import math
from dataclasses import replace

import pytest
import silhouettes as draw
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from to4d.metrics.checks.motion_checks import CHECKS, check_view
from to4d.metrics.checks.prompt_check import check_clip, confusion, motion_kind
from to4d.metrics.checks.silhouette import SilhouetteTrack, track_silhouette


def breathe(amount: float, periods: float = 1.75) -> draw.Motion:
    """Larger and smaller in turn, standing on the ground."""

    def motion(x: torch.Tensor, y: torch.Tensor, t: float) -> draw.Points:
        size = 1.0 + amount * math.sin(2.0 * math.pi * periods * t)
        return x / size, y / size

    return motion


def stretch(amount: float) -> draw.Motion:
    """Taller and narrower until the end."""
    return lambda x, y, t: (x * (1 + amount * t) ** 0.5, y / (1 + amount * t))


def roll(degrees: float) -> draw.Motion:
    """Turn over about the middle while moving to the right."""

    def motion(x: torch.Tensor, y: torch.Tensor, t: float) -> draw.Points:
        angle, x, y = math.radians(degrees * t), x - 0.5 * t, y - 0.5
        return math.cos(angle) * x - math.sin(angle) * y, 0.5 + math.sin(angle) * x + math.cos(angle) * y

    return motion


MOTIONS = {
    "jumping": [draw.jump(0.15), draw.jump(0.4), draw.jump(0.3, hops=2)],
    "growing": [draw.grow(0.15), draw.grow(0.5)],
    "swaying": [draw.sway(0.2), draw.sway(0.38, periods=2), draw.sway(-0.25)],
    "melting": [draw.melt(0.35), draw.melt(0.65)],
    "shaking": [draw.shake(0.05), draw.shake(0.11, periods=4)],
    "falling": [draw.fall(60), draw.fall(-80)],
    "nodding": [draw.nod(0.1), draw.nod(0.2)],
    "flying": [draw.fly(0.25), draw.fly(0.5)],
    "shrinking": [draw.grow(-0.15), draw.grow(-0.4)],
    "breathing": [breathe(0.1), breathe(0.2, 2.5)],
    "stretching": [stretch(0.3), stretch(0.32)],
    "rolling": [roll(150), roll(-170)],
    "still": [draw.still(), draw.sway(0.02)],
    "none": [draw.jump(0.06), draw.grow(0.06), draw.sway(0.08), draw.pulse(0.3), draw.fly(0.1)],
}
NO_AXIS = {("falling", "disc"), ("rolling", "disc")}  # no silhouette can tell that a disc turned
CASES = [
    (kind, n, shape)
    for kind, motions in MOTIONS.items()
    for n in range(len(motions))
    for shape in draw.SHAPES
    if (kind, shape) not in NO_AXIS
]


@pytest.mark.parametrize(("kind", "n", "shape"), CASES)
def test_a_motion_passes_its_own_check_and_no_other(kind, n, shape):
    clip = draw.clip(draw.SHAPES[shape], MOTIONS[kind][n])
    passed = [name for name in CHECKS if check_view(name, clip).passed]
    assert passed == [kind] * (kind != "none"), [check_view(name, clip) for name in {kind, *passed} & {*CHECKS}]


def rest(frames: int = 4) -> SilhouetteTrack:
    """A track of an object 100 px high and 50 px wide that does nothing."""
    same = torch.ones(frames, dtype=torch.float64)
    axis = torch.tensor([[-0.6, 0.0]], dtype=torch.float64).repeat(frames, 1)
    return SilhouetteTrack(
        5000 * same, 50 * same, 60 * same, 25 * same, 75 * same, 10 * same, 110 * same, *[50 * same] * 2, axis
    )


def moved(path: list[float], start: float) -> torch.Tensor:
    return start + torch.tensor(path, dtype=torch.float64)


def at_threshold(kind: str, excess: float) -> SilhouetteTrack:
    """A track that reaches the threshold of `kind`, times 1 + excess."""
    k, track = 1.0 + excess, rest()
    over = torch.deg2rad(torch.tensor([0, 40, 80, 120 * k], dtype=torch.float64)) * 2
    tilt = torch.deg2rad(torch.tensor([0, 15 * k, 30 * k, 45 * k], dtype=torch.float64)) * 2
    return {
        "jumping": lambda: replace(track, y=moved([0, 10 * k, 5 * k, 0], 60), bottom=moved([0, 8, 4, 0], 10)),
        "growing": lambda: replace(track, area=5000 * moved([0, 0.1, 0.1, 1.2 * k - 1], 1)),
        "swaying": lambda: replace(track, upper_x=moved([0, 8 * k, -8 * k, 0], 50), lower_x=moved([0, 2, -2, 0], 50)),
        "melting": lambda: replace(track, top=moved([0, -5, -15, -25 * k], 110)),
        "shaking": lambda: replace(
            rest(5), x=moved([0, 3 * k, 0, 3 * k, 0], 50), lower_x=moved([0, 3 * k, 0, 3 * k, 0], 50)
        ),
        "falling": lambda: replace(
            track, axis=torch.stack([0.6 * tilt.cos(), 0.6 * tilt.sin()], -1), x=moved([0, 5, 15, 30], 50)
        ),
        "nodding": lambda: replace(track, top=moved([0, -5 * k, 0, 0], 110)),
        "flying": lambda: replace(track, y=moved([0, 5, 10, 15 * k], 60), bottom=moved([0, 5, 10, 15 * k], 10)),
        "shrinking": lambda: replace(
            track,
            area=5000 * moved([0, 0, 0, -0.2 * k], 1),
            top=moved([0, 0, 0, -6], 110),
            right=moved([0, 0, 0, -4], 75),
        ),
        "breathing": lambda: replace(
            track,
            area=5000 * moved([0, 0.08 * k, 0, 0.08 * k], 1),
            top=moved([0, 4, 0, 4], 110),
            right=moved([0, 3, 0, 3], 75),
        ),
        "stretching": lambda: replace(track, top=moved([0, 5, 10, 15 * k], 110), right=moved([0, 0, 0, -5], 75)),
        "still": lambda: replace(track, upper_x=moved([0, 3 / k, 0, 0], 50)),
        "rolling": lambda: replace(
            track, axis=torch.stack([-0.6 * over.cos(), 0.6 * over.sin()], -1), x=moved([0, 5, 15, 20], 50)
        ),
    }[kind]()


@pytest.mark.parametrize("kind", CHECKS)
def test_the_threshold_itself_passes_and_a_little_less_does_not(kind):
    assert CHECKS[kind](at_threshold(kind, 1e-9)).passed
    assert not CHECKS[kind](at_threshold(kind, -1e-6)).passed


@pytest.mark.parametrize("kind", ["jumping", "growing", "swaying", "nodding"])
def test_figures_of_round_numbers_are_exact_at_the_threshold(kind):
    assert CHECKS[kind](at_threshold(kind, 0.0)).passed


def test_breathing_is_not_growing():
    breath = replace(rest(7), area=5000 * moved([0, 0.3, 0.0, -0.2, 0.1, 0.3, 0.25], 1))
    assert not CHECKS["growing"](breath).passed
    wobbling = replace(rest(7), area=5000 * moved([0, 0.1, 0.0, 0.2, 0.15, 0.3, 0.25], 1))
    assert CHECKS["growing"](wobbling).passed


def test_a_sway_to_both_sides_is_not_a_nod_although_the_top_sinks():
    sinking = replace(rest(5), top=moved([0, -10, 0, -10, 0], 110))
    assert CHECKS["nodding"](replace(sinking, upper_x=moved([0, 20, 0, 20, 0], 50))).passed
    assert not CHECKS["nodding"](replace(sinking, upper_x=moved([0, 20, 0, -20, 0], 50))).passed


def test_what_flies_up_unsteadily_does_not_shake():
    wobbling = at_threshold("shaking", 0.1)
    assert not CHECKS["shaking"](replace(wobbling, y=moved([0, 10, 20, 30, 40], 60))).passed


def test_what_falls_over_does_nothing_else():
    track = at_threshold("falling", 0.1)
    fallen = replace(track, area=track.area * moved([0, 1, 1, 1], 1), upper_x=moved([0, 20, 40, 60], 50))
    assert [kind for kind, check in CHECKS.items() if check(fallen).passed] == ["falling"]


def test_standing_still_is_still_and_nothing_else():
    assert [kind for kind, check in CHECKS.items() if check(rest()).passed] == ["still"]


def test_what_lost_height_and_area_to_a_sway_does_not_shrink():
    bent = replace(rest(), area=5000 * moved([0, 0, -0.1, -0.3], 1), top=moved([0, 0, -10, -20], 110))
    assert not CHECKS["shrinking"](bent).passed


def test_a_hop_is_no_flight_and_a_flight_is_no_jump():
    hop = replace(rest(5), y=moved([0, 20, 5, 10, 20], 60), bottom=moved([0, 20, 5, 10, 20], 10))
    assert not CHECKS["flying"](hop).passed and CHECKS["jumping"](hop).passed


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(["jumping", "growing", "swaying", "melting"]),
    size=st.sampled_from([48, 64, 128]),
    shift=st.floats(-0.3, 0.3),
)
def test_the_figure_depends_on_neither_image_size_nor_position(kind, size, shift):
    here = check_view(kind, draw.clip(draw.tee, MOTIONS[kind][1], size=96))
    there = check_view(kind, draw.clip(draw.tee, MOTIONS[kind][1], size=size, shift=shift))
    assert there.value == pytest.approx(here.value, rel=0.02, abs=3 / size)  # 2%, or one pixel
    assert there.passed == here.passed


@pytest.mark.parametrize("kind", CHECKS)
def test_a_mirrored_clip_gets_the_same_answer(kind):
    clip = draw.clip(draw.tee, MOTIONS[kind][1])
    assert check_view(kind, clip.flip(-1)).value == pytest.approx(check_view(kind, clip).value, abs=1e-9)


def test_haze_changes_no_answer():
    clip = draw.clip(draw.tee, draw.jump(0.3))
    hazy, clean = check_view("jumping", clip.clamp(min=0.2)), check_view("jumping", clip)
    assert hazy.passed and hazy.value == pytest.approx(clean.value, abs=0.02)


def test_a_clip_without_object_fails_and_says_so():
    answer = check_view("growing", torch.zeros(4, 16, 16))
    assert not answer.passed and "frame 0" in answer.explanation and answer.threshold == 1.2


def test_the_track_of_a_box_is_the_box():
    track = track_silhouette(draw.clip(draw.box, draw.still(), size=120, frames=1))  # 40 px a unit
    assert track.area.item() == pytest.approx(20 * 40, rel=1e-3)
    assert (track.x.item(), track.y.item()) == pytest.approx((60.0, 40.0), abs=1e-6)
    assert track.height.item() == pytest.approx(0.99 * 40) and track.width.item() == pytest.approx(0.99 * 20)
    assert track.axis[0, 0].item() == pytest.approx((20**2 - 40**2) / (20**2 + 40**2), abs=2e-3)


def test_one_percent_of_floaters_does_not_change_the_size():
    clip = draw.clip(draw.box, draw.still(), size=120, frames=1)
    dirty = clip.clone()
    dirty[0, 2:4, 2:4] = 1.0  # 0.5% of the area, far above and to the left
    assert track_silhouette(dirty).height.item() == pytest.approx(track_silhouette(clip).height.item(), rel=0.01)


def test_three_of_four_views_are_enough_and_two_are_not():
    moving, resting = draw.clip(draw.box, draw.jump(0.3)), draw.clip(draw.box, draw.still())
    assert check_clip("jumping", torch.stack([moving, moving, resting, moving])).passed
    verdict = check_clip("jumping", torch.stack([moving, resting, resting, moving]))
    assert not verdict.passed and verdict.passed_views == 2


def test_the_confusion_of_clean_clips_is_the_identity():
    kinds = ["jumping", "growing", "swaying"]
    clips = [(kind, draw.clip(draw.tee, motion)[None]) for kind in kinds for motion in MOTIONS[kind]]
    assert confusion(clips, kinds) == {row: {column: float(row == column) for column in kinds} for row in kinds}


@pytest.mark.parametrize(
    ("text", "noun", "kind"),
    [
        ("a plant blooming", "plant", "growing"),
        ("Mario hops, then waves", "mario", "jumping"),
        ("the flower is gently swaying in the wind", "flower", "swaying"),
        ("a rocking horse trembling", "rocking horse", "shaking"),
        ("a jumping spider falling over", "jumping spider", "falling"),
        ("a bell standing still", "bell", "still"),
        ("a bell, still for now, swings", "bell", "swaying"),
        ("a spinning top spinning", "spinning top", None),
        ("a dancer twirling", "dancer", "spinning"),
        ("a knight runs", "knight", "walking"),
        ("Mario waves his hand", "mario", "waving"),
        ("a balloon pulsating", "balloon", "breathing"),
        ("a bell sings", "bell", None),
        ("a lion roars in a cage", "lion", None),
        ("a tip jar melts", "tip jar", "melting"),
    ],
)
def test_the_prompt_names_its_check(text, noun, kind):
    assert motion_kind(text, noun) == kind
