"""What the prior's clips are called, what is kept back for tests, and how whole objects move."""

import logging

import numpy as np
import pytest

from to4d.guidance.mini.vocabulary import Vocabulary
from to4d.guidance.mini.word_matching import is_motion
from to4d.lexicon.adverbs import FAST, SLIGHT, SLOW, STRONG
from to4d.lexicon.nouns import noun_positions
from to4d.lexicon.text import words as words_of
from to4d.runs.build import warn_of_words
from to4d.types import Prompt
from to4d_lab.data.caption_verbs import FORMS, HELD_OUT_VERBS, PARTS, phrases
from to4d_lab.data.captions import VERBS, all_words, draw_caption
from to4d_lab.data.object_motions import MOTIONS, move
from to4d_lab.data.sentences import HELD_OUT_FRAMES
from to4d_lab.data.style import draw_style

TAU = np.arange(16) / 16
WHOLE = (
    "jump bounce sway ripple spin rock shake nod twist stretch grow bloom shrink melt wilt fall pulse flap swim roll "
)
LIMBS = "walk run wave head_nod head_shake tail_wag leaves_sway trunk_raise dance attack die idle sit cheer eat"
KINDS = [*(WHOLE + "fly still").split(), *LIMBS.split()]
NOUNS = ("hand bell", "plant", "robot")
KNOWN = Vocabulary(all_words(list(NOUNS)))


def box(width: float, height: float, depth: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (300, 3)) * (width, height, depth)


def captions(kind: str, held_out: bool = False, count: int = 60) -> list:
    rng = np.random.default_rng(KINDS.index(kind))
    return [draw_caption(rng, kind, NOUNS, held_out) for _ in range(count)]


def test_every_kind_has_words():
    assert set(VERBS) == set(HELD_OUT_VERBS) == set(KINDS)
    assert set(MOTIONS) == set((WHOLE + "fly still").split())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_many_trained_verbs_and_some_that_are_kept_back(kind: str):
    assert len(VERBS[kind]) >= 8 and all(FORMS[kind].values())
    assert len(HELD_OUT_VERBS[kind]) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_back_is_in_no_training_caption(kind: str):
    kept = {phrase.split()[0] for phrase in (*HELD_OUT_VERBS[kind], *phrases(PARTS.get(kind, ("", "", "none"))[2]))}
    assert not kept & set(KNOWN.words)
    said = {word for caption in captions(kind) for word in words_of(caption.text)}
    assert not kept & said


def test_each_sentence_that_is_kept_back_has_words_that_are_kept_back():
    for frame in (frame for frames in HELD_OUT_FRAMES.values() for frame in frames):
        assert set(words_of(frame)) - set(KNOWN.words) - {"n", "np", "ing", "s", "past"}


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_captions_name_their_noun_within_31_words(kind: str, held_out: bool):
    for caption in captions(kind, held_out):
        words = words_of(caption.text)
        assert len(words) <= 31
        assert noun_positions(words, caption.noun)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_caption_says_the_motion_in_known_words(kind: str):
    ways = (*VERBS[kind], *phrases(PARTS.get(kind, ("", "zzz", ""))[1]))
    stems = {word.lstrip("*")[:3] for way in ways for word in way.split()[:1]}
    for caption in captions(kind):
        assert {word[:3] for word in words_of(caption.text)} & stems
        unknown = {word for word, _ in KNOWN.unknown_words(caption.text)}
        assert unknown <= set(words_of(caption.noun))


def test_held_out_captions_hold_unknown_words():
    assert all(set(words_of(c.text)) - set(KNOWN.words) for kind in KINDS for c in captions(kind, True, 20))


def test_captions_are_short_or_long():
    lengths = [len(words_of(caption.text)) for caption in captions("jump", count=300)]
    assert min(lengths) <= 3 and max(lengths) >= 25
    assert np.median(lengths) <= 6


def test_adverbs_tell_the_amplitude_and_the_speed():
    styles = set()
    for caption in captions("jump", count=600):
        has = {
            name: any(f" {word} " in f" {caption.text.replace(',', '')} " for word in adverbs.phrases)
            for name, adverbs in (("slow", SLOW), ("quick", FAST), ("soft", SLIGHT), ("strong", STRONG))
        }
        styles |= {name for name, there in has.items() if there}
        assert caption.speed == (0.6 if has["slow"] else 1.5 if has["quick"] else 1.0)
        assert not has["soft"] or 0.5 < caption.amplitude < 0.7
        assert not has["strong"] or 1.2 < caption.amplitude < 1.5
    assert styles == {"slow", "quick", "soft", "strong"}
    plain = [c.amplitude for c in captions("sway", count=600) if 0.85 <= c.amplitude <= 1.15]
    assert len(plain) > 400 and np.mean(plain) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", MOTIONS)
@pytest.mark.parametrize(
    "points", [box(0.4, 1, 0.4), box(1, 0.15, 1.2), box(0.8, 0.5, 0.1)], ids=["tall", "flat", "thin"]
)
def test_motions_start_at_rest_and_stay_in_view(kind: str, points: np.ndarray):
    reach = np.abs(points).max()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        style = draw_style(rng, rng.uniform(0.5, 1.55), rng.uniform(0.4, 2.0))
        moved = move(kind, points, TAU, style)
        assert moved.shape == (16, 300, 3) and np.isfinite(moved).all()
        np.testing.assert_allclose(moved[0], points, atol=1e-6)
        assert np.abs(moved).max() < 2.6 * reach


@pytest.mark.parametrize("kind", [kind for kind in MOTIONS if kind != "still"])
def test_motions_of_ordinary_size_show(kind: str):
    points = box(0.5, 1, 0.5)
    for seed in range(12):
        moved = move(kind, points, TAU, draw_style(np.random.default_rng(seed), 1.0, 1.0))
        assert np.linalg.norm(moved - points, axis=-1).mean(1).max() > 0.03


def turns(kind: str, seed: int) -> np.ndarray:
    """Angles (16,) in degrees about the vertical of points near the top."""
    ring = np.array([[np.sin(a), 1.0, np.cos(a)] for a in np.linspace(0, 6, 20)]) * [0.4, 1, 0.4]
    moved = move(kind, np.concatenate([ring, [[0.0, 0.0, 0.0]]]), TAU, draw_style(np.random.default_rng(seed), 1, 1))
    place = moved[:, 0, 0] + 1j * moved[:, 0, 2]
    return np.rad2deg(np.unwrap(np.angle(place / place[0])))


@pytest.mark.parametrize("seed", range(10))
def test_a_spin_turns_by_60_to_120_degrees(seed: int):
    angle = turns("spin", seed)
    assert 50 < np.abs(angle[-1]) < 120
    assert np.abs(np.diff(angle)[4:]) == pytest.approx(np.abs(np.diff(angle)).max(), rel=1e-6)  # an even pace


@pytest.mark.parametrize("seed", range(10))
def test_a_twist_goes_to_and_fro_by_less_than_a_spin(seed: int):
    angle = turns("twist", seed)
    assert 25 < np.abs(angle).max() <= 76


def test_a_roll_touches_the_ground_in_every_frame():
    points = box(0.5, 1, 0.5)
    moved = move("roll", points, TAU, draw_style(np.random.default_rng(3), 1.0, 1.0))
    np.testing.assert_allclose(moved[..., 1].min(1), points[:, 1].min(), atol=1e-9)


def test_a_bounce_lands_at_least_twice_more_than_it_starts():
    points = box(0.5, 1, 0.5)
    for seed in range(8):
        moved = move("bounce", points, np.linspace(0, 1, 200), draw_style(np.random.default_rng(seed), 1.0, 1.0))
        low = moved[..., 1].min(1) - points[:, 1].min()
        assert (np.diff((low > 0.03).astype(int)) == 1).sum() >= 3


def test_wilting_keeps_the_foot_and_lowers_the_top():
    points = box(0.2, 1, 0.2)
    last = move("wilt", points, TAU, draw_style(np.random.default_rng(1), 1.0, 1.0))[-1]
    top, foot = points[:, 1] > 0.35, points[:, 1] < -0.35
    assert (points - last)[top, 1].mean() > 0.2
    assert np.abs(points - last)[foot].max() < 0.1


@pytest.mark.parametrize(
    ("text", "word", "like"),
    [
        ("a plant pirouettes", "pirouettes", "spinning"),
        ("a robot jumped", "jumped", "jumping"),
        ("a robot gallops", "gallops", "running"),
        ("a robot swimmming", "swimmming", "swimming"),
        ("a robot exploding", "exploding", ""),
        ("a robot juggling", "juggling", ""),
    ],
)
def test_an_unknown_verb_comes_with_a_motion_or_with_none(text: str, word: str, like: str):
    assert dict(KNOWN.unknown_words(text))[word] == like


@pytest.mark.parametrize("text", ["a robot exploding", "a robot"])
def test_a_prompt_without_a_motion_lists_the_motions(text: str):
    motions = dict(KNOWN.unknown_words(text))[text].split(", ")
    assert len(motions) == len(KINDS) and {"jumping", "nodding its head", "walking"} <= set(motions)


def test_the_warnings_spare_the_noun(caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_words(KNOWN.unknown_words("a zorb juggling"), Prompt("a zorb juggling", "zorb"))
    juggling, motions = caplog.messages
    assert "'juggling'" in juggling and "zorb" not in juggling
    assert "jumping, " in motions


def test_of_a_strange_sentence_the_motion_and_the_noun_are_read():
    numbers = {word: index for index, word in enumerate(KNOWN.words)}
    for kind in KINDS:
        for caption in captions(kind, True, 20):
            read = [word for word, _ in KNOWN._read(caption.text, caption.noun, numbers)]
            assert set(read) <= set(KNOWN.words) | set(words_of(caption.noun)), caption.text
            flower = "rose" in caption.text.split()  # not read as "to rise"
            assert flower or any(is_motion(word) for word in read), (kind, caption.text, read)
