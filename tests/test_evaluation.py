"""A finished run is measured again as the paper does, and what cannot be measured is no number."""

import json
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from to4d.commands.evaluate import task
from to4d.errors import NotComputed
from to4d.metrics.basic import BasicMetrics
from to4d.metrics.renders import render_for_evaluation
from to4d.runs.evaluation import evaluate
from to4d.runs.run import restore, run

ROOT = Path(__file__).parents[1]
TINY = ["phase=[]", "export=[]", "logger=[]", "callbacks=[]", "metrics.views.size=48", "metrics.frames=3"]
TINY += ["renderer.samples=64", "renderer.resolution=32", "metrics.views.antialias=1"]


def config(name, *overrides):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(name, list(overrides))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    run(config("train", f"out={folder}", "prompt=a plant jumping", *TINY))
    return folder


def command(*overrides):
    """What `python evaluate.py ...` does, in this process."""
    task.__wrapped__(config("evaluate", *overrides))


@pytest.fixture(scope="module")
def evaluated(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated")
    command(f"run={finished}", f"out={out}", "views.size=48", "views.antialias=1", "frames=3")
    figures = json.loads((out / "evaluation.json").read_text())
    recipe = figures.pop("recipe")
    return out / "frames", figures, recipe


def test_at_the_size_of_the_run_s_own_metrics_the_figures_are_the_same(finished, evaluated):
    own, again = json.loads((finished / "metrics.json").read_text()), evaluated[1]
    assert own.keys() == again.keys()
    for key in ("eval/silhouette_iou", "eval/acceleration", "eval/haze", "eval/stretch", "eval/motion_passed"):
        assert again[key] == own[key]
    for key in ("eval/psnr", "eval/ssim_t0", "eval/flicker", "eval/psnr_t0_min"):
        assert again[key] == pytest.approx(own[key], rel=5e-3, abs=1e-4)  # colours of 8 bits


def test_the_lossless_frames_hold_exactly_what_was_measured(evaluated):
    folder, figures, _ = evaluated

    def read(name):
        return np.asarray(Image.open(folder / name), float) / 255.0

    each = [peak_signal_noise_ratio(read("mesh/090.png"), read(f"090/{i:02d}.png"), data_range=1.0) for i in range(3)]
    assert np.mean(each) == pytest.approx(figures["eval/psnr/090"], abs=1e-4)
    assert sorted(path.name for path in folder.iterdir()) == ["000", "090", "180", "270", "mesh"]
    assert len(list((folder / "000").iterdir())) == 3


def test_the_recipe_says_of_what_and_how(evaluated):
    recipe = evaluated[2]
    assert recipe["views"]["size"] == 48 and recipe["frames"] == 3 and recipe["fps"] == 8
    assert len(recipe["model_sha256"]) == 64 and recipe["packages"]["torch"]
    assert len(recipe["measures"]["basic"]["classifier_sha256"]) == 64


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf" / "measures").glob("*.yaml")))
def test_every_measure_tells_how_it_measures(name):
    measure = instantiate(config("evaluate", "out=here", f"measures=[{name}]").measures[name])
    assert isinstance(json.loads(json.dumps(measure.recipe())), dict)


def test_what_cannot_be_computed_is_null_with_its_reason_and_the_rest_is_there(finished):
    def absent(renders):
        raise NotComputed(["style", "style/000"], "no weights")

    views = instantiate(config("evaluate", "out=here").views, size=48, antialias=1, azimuths_deg=[0])
    _, figures = evaluate(
        render_for_evaluation(restore(finished), views, 2), {"absent": absent, "basic": BasicMetrics()}
    )
    assert figures["eval/style"] is None and figures["eval/notes"]["eval/style/000"] == "no weights"
    assert isinstance(figures["eval/psnr"], float) and "eval/flow_floor" in figures["eval/notes"]


def test_a_wrong_folder_is_named_and_not_left_behind(tmp_path, capsys):
    (tmp_path / "nothing").mkdir()  # as Hydra does
    with pytest.raises(SystemExit) as ended:
        command(f"run={tmp_path / 'nothing'}", f"out={tmp_path / 'nothing'}")
    assert ended.value.code == 2 and str(tmp_path / "nothing") in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()
