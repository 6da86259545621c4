"""Settings of a wrong type are named before any work is done, and right ones are let pass."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from to4d.errors import InputError
from to4d.runs.setting_types import check_types, fits

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (3, int),
        (3, float),
        (None, int | None),
        ("a", str),
        ("noun", Literal["noun", "image"]),
        ([1, 2], tuple[int, int]),
        ([1.0, 2, 3], tuple[float, ...]),
        ([0], Sequence[int] | None),
        ({"a": 1}, Mapping[str, float]),
        ("runs/a", Path),
        (None, Any),
        ({"_target_": "to4d.lens.OrbitLens"}, int),
    ],
)
def test_what_fits(value, hint):
    assert fits(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", int),
        (1e3, int),
        (True, int),
        (1, bool),
        (None, int),
        (None, Path),
        ("words", Literal["noun", "image"]),
        ([1], tuple[int, int]),
        ([1, "2"], tuple[int, ...]),
        (3, Sequence[int] | None),
        ({"a": "x"}, Mapping[str, float]),
    ],
)
def test_what_does_not_fit(value, hint):
    assert not fits(value, hint)


@pytest.mark.parametrize("experiment", ["[]", *EXPERIMENTS])
def test_all_experiments_have_settings_of_the_right_types(experiment):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", ["out=x", "prompt=a plant blooming", f"experiments={experiment}"])
    check_types(OmegaConf.to_container(cfg, resolve=True))


def test_a_setting_of_a_parent_class_is_named_by_its_place():
    phase = {"_target_": "to4d.phases.MotionPhase", "lens": {"_target_": "to4d.lens.OrbitLens", "distance": "far"}}
    with pytest.raises(InputError, match=r"phase\.dynamic\.lens\.distance=far"):
        check_types({"phase": {"dynamic": phase}})
    with pytest.raises(InputError, match=r"phase\.dynamic\.steps=many"):
        check_types({"phase": {"dynamic": {"_target_": "to4d.phases.MotionPhase", "steps": "many"}}})
