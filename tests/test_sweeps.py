"""Every sweep makes cells with folders and rows of their own, and a finished cell is taken as it is."""

import csv
import json
import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from to4d.errors import InputError
from to4d.report.paper import paper_rows
from to4d.runs.run import run

ROOT = Path(__file__).parents[1]
SWEEPS = sorted(path.stem for path in (ROOT / "sweeps").glob("*.yaml") if path.stem != "cells")
ONE = ["object=gso/plant", "motion=jumping", "seed=0"]


def config(*overrides, hydra=False):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", ["out=somewhere", *overrides], return_hydra_config=hydra)


def text_of(sweep):
    return (ROOT / "sweeps" / f"{sweep}.yaml").read_text()


def cells_of(sweep):
    """The configurations of a sweep on one object, prompt and seed; Hydra's own parser reads what it varies."""
    params = yaml.safe_load(text_of(sweep))["hydra"]["sweeper"]["params"]
    ((key, values),) = params.items()
    (parsed,) = OverridesParser.create().parse_overrides([f"{key}={values}"])
    return [config(f"sweeps={sweep}", *ONE, f"{key}={value}", hydra=True) for value in parsed.sweep_string_iterator()]


def test_each_method_has_a_name_and_a_folder_of_its_own():
    sweep = "t_range_sds"
    cells = cells_of(sweep)
    assert len(cells) > 1 and all(cell.prompt == "a plant jumping" and cell.skip_finished for cell in cells)
    assert len({cell.method for cell in cells}) == len({cell.hydra.sweep.subdir for cell in cells}) == len(cells)
    assert {cell.group for cell in cells} == {sweep}
    assert all(cell.hydra.sweep.subdir == f"{cell.method}/gso/plant/jumping/seed0" for cell in cells)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_method_is_named_by_what_is_swept(sweep):
    settings = yaml.safe_load(text_of(sweep))
    ((key, _),) = settings["hydra"]["sweeper"]["params"].items()
    assert settings["group"] == sweep
    assert key == "experiments" or key in settings["method"]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_sweep_says_what_it_reproduces_how_long_and_what_to_expect(sweep):
    text = text_of(sweep)
    assert " hours" in text and ("Expect" in text or "The paper:" in text)


@pytest.mark.parametrize("table", ["table1", "table2", "table3"])
def test_the_methods_of_a_table_are_those_of_the_paper(table):
    names = re.findall(r"\[(\w*)\]", yaml.safe_load(text_of(table))["hydra"]["sweeper"]["params"]["experiments"])
    files = [ROOT / "experiments" / f"{name}.yaml" for name in names if name]
    assert ["ours", *(yaml.safe_load(path.read_text())["method"] for path in files)] == list(paper_rows(table))


BASELINES = [("stag4d", "front", "front"), ("animate124", "front", "all"), ("4dfy", "all", "all")]
LARGE = {"stag4d": "stag4d_dynamicrafter", "animate124": "animate124_modelscope", "4dfy": "4dfy_modelscope"}


@pytest.mark.parametrize("large", [False, True], ids=["mini", "large"])
@pytest.mark.parametrize(("name", "dynamic", "refine"), BASELINES)
def test_a_baseline_looks_where_it_does_at_any_size_and_is_held_to_what_it_knows(name, dynamic, refine, large):
    cfg = config(f"experiments=[{LARGE[name] if large else name}]", "prompt=a plant jumping")
    ranges = {"Fixed": "front", "Uniform": "all"}
    used = [ranges[cfg.phase[phase].camera_schedule._target_.split(".")[-1]] for phase in ("dynamic", "refine")]
    assert cfg.method == name and used == [dynamic, refine] and cfg.mask._target_.endswith("NoMask")
    assert (cfg.phase.refine.static_weight == 0.0) is (name == "animate124")
    assert cfg.time_sampler._target_.endswith("RandomWindow") is (name == "animate124")
    if name == "stag4d":
        assert cfg.distillation.start.start == cfg.distillation.start.end == cfg.distillation.hold == 1.0
    else:
        assert cfg.distillation._target_.endswith("SDS")
        assert "ModelScope" in str(cfg.guidance) if large else cfg.guidance.sees_image is False  # words alone


def test_the_mini_benchmark_has_ten_objects_three_prompts_and_three_seeds():
    params = yaml.safe_load((ROOT / "sweeps" / "cells.yaml").read_text())["hydra"]["sweeper"]["params"]
    counts = {key: len(value.split(",")) for key, value in params.items()}
    assert counts == {"seed": 3, "object": 10, "motion": 3}
    for name in params["object"].split(","):
        assert (ROOT / "conf" / "object" / f"{name}.yaml").is_file()


@pytest.mark.parametrize("table", ["table2", "table3"])
def test_a_kept_table_holds_every_cell_of_the_benchmark_once(table):
    every = yaml.safe_load((ROOT / "sweeps" / "cells.yaml").read_text())["hydra"]["sweeper"]["params"]
    with (ROOT / "docs" / "tables" / table / "runs.csv").open(newline="") as file:
        cells = [(x["method"], x["object"], x["prompt"].split()[-1], x["seed"]) for x in csv.DictReader(file)]
    methods, objects, *rest = (sorted(set(column)) for column in zip(*cells, strict=True))
    assert rest == [sorted(every["motion"].split(",")), sorted(str(every["seed"]).split(","))]
    assert len(methods) == 4 and len(objects) == 10 and sorted(cells) == sorted(product(methods, objects, *rest))


def test_the_paper_s_scale_has_its_steps_and_sizes():
    cfg = config("scale=paper", "prompt=a plant blooming")
    assert [phase.steps for phase in cfg.phase.values()] == [2000, 10_000, 3000]
    assert cfg.phase.dynamic.lens.size == [256, 256] and cfg.guidance._target_.endswith("DynamiCrafter")


@pytest.fixture
def finished(tmp_path):
    tiny = ["phase=[]", "export=[]", "logger=[]", "callbacks=[]", "metrics.views.size=32", "metrics.frames=2"]
    tiny += ["metrics.views.azimuths_deg=[0]", "metrics.views.antialias=1"]
    tiny += ["renderer.samples=32", "renderer.resolution=16", "prompt=a plant jumping", f"out={tmp_path / 'run'}"]
    run(config(*tiny, "skip_finished=true"))
    return tiny, tmp_path / "run"


def test_a_finished_cell_is_taken_as_it_is_unless_its_settings_were_others(finished):
    tiny, folder = finished
    path = folder / "metrics.json"
    before, figures = path.stat().st_mtime_ns, json.loads(path.read_text())
    assert run(config(*tiny, "skip_finished=true")) == figures and path.stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r" mask\b"):
        run(config(*tiny, "skip_finished=true", "mask=none"))
    with pytest.raises(InputError, match=f"{folder} .*out=DIR"):
        run(config(*tiny))
    assert path.stat().st_mtime_ns == before


def test_a_finished_cell_that_other_code_made_is_not_taken(finished, monkeypatch):
    tiny, folder = finished
    monkeypatch.setattr("to4d.runs.settings.package_hash", lambda: "of other code")
    with pytest.raises(InputError, match=f"{folder} .*out=DIR"):
        run(config(*tiny, "skip_finished=true"))
