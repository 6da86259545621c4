"""Tables of runs: means, errors and differences are those of outside oracles; the page sorts, plays and holds all."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
import yaml
from browser import CHROMIUM, Browser
from hydra import compose, initialize_config_dir

from to4d.errors import InputError
from to4d.export.writer import write_video
from to4d.report.columns import COLUMNS
from to4d.report.compare import Comparison
from to4d.report.finished_runs import read_runs
from to4d.report.paper import paper_rows
from to4d.report.settings_diff import between_methods, within_methods
from to4d.report.statistics import bootstrap_interval, by_method, mean_over_objects, paired_difference
from to4d.report.table import make_table
from to4d.report.writers import latex

PROMPT = "a bell </td><script>window.bad = 1</script> & 100% _ringing_"
METHODS = {"ours": "CrossAttentionMask", "without_mask": "NoMask"}


def write_run(folder: Path, method: str | None, thing: str, seed: int, figures: dict, mask: str = "NoMask") -> Path:
    """What `report.py` reads of a run."""
    folder.mkdir(parents=True)
    settings = {"object": {"folder": thing}, "prompt": PROMPT, "seed": seed, "mask": {"_target_": mask}}
    settings["method"] = method
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "metrics.json").write_text(json.dumps({f"eval/{k}": v for k, v in figures.items()}))
    return folder


def fill(folder: Path, objects: int = 4, seeds: int = 2) -> Path:
    """A small table of random figures; the second method has more haze by about 0.1."""
    random = np.random.default_rng(0)
    for method, mask in METHODS.items():
        for thing in range(objects):
            for seed in range(seeds):
                shift = 0.1 * (method != "ours") + 0.01 * thing
                figures = {"haze": shift + 0.02 * random.random(), "flow": random.random(), "ms_ssim": random.random()}
                figures |= {"motion_passed": bool(seed), "lpips": None, "notes": {"eval/lpips": "no weights"}}
                run = write_run(folder / method / f"{thing}-{seed}", method, f"thing{thing}", seed, figures, mask)
                shade = torch.full((4, 16, 64, 3), 60 * seed, dtype=torch.uint8)
                write_video(run / "views" / "000.mp4", shade, 8)
    (folder / "ours" / "9-9").mkdir()
    (folder / "ours" / "9-9" / "config.yaml").write_text("{}")  # not finished
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def runs(folder):
    return read_runs({str(folder): None})[0]


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    Comparison(columns=list(COLUMNS), paper="table2")(str(folder), out)
    return out


def objects_of(runs, method, name):
    values = [[r.value(name) for r in runs if (r.method, r.object) == (method, f"thing{i}")] for i in range(4)]
    return np.array([np.mean(own) for own in values])


def test_errors_are_those_of_scipy_over_objects_not_over_runs(runs):
    found = mean_over_objects(by_method(runs)["ours"], "haze")
    own = objects_of(runs, "ours", "haze")
    assert (found.value, found.sem) == pytest.approx((own.mean(), scipy.stats.sem(own)))
    assert (found.objects, found.runs) == (4, 8)


def test_differences_are_paired_and_their_interval_is_that_of_scipy(runs):
    methods = by_method(runs)
    found = paired_difference(methods["without_mask"], methods["ours"], "haze")
    pairs = objects_of(runs, "without_mask", "haze") - objects_of(runs, "ours", "haze")
    assert found.value == pytest.approx(pairs.mean()) and found.low < pairs.mean() < found.high
    own = scipy.stats.bootstrap((pairs,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert (found.low, found.high) == pytest.approx((own.low, own.high), abs=0.05 * np.ptp(pairs))
    assert paired_difference(methods["without_mask"], methods["ours"][:1], "haze").runs == 1
    assert paired_difference(methods["without_mask"], [], "haze") is None


def test_one_object_has_no_error_and_no_interval(runs):
    alone = [run for run in runs if run.object == "thing0"]
    assert mean_over_objects(alone, "haze").sem is None and bootstrap_interval(np.ones(1)) == (None, None)


def test_what_no_run_has_is_no_number(runs, written):
    assert mean_over_objects(runs, "lpips") is None
    text = (written / "compare.html").read_text()
    assert re.search(r"LPIPS.*no weights.* 16|LPIPS.*no weights.*\(16", text) and "nan" not in text.lower().split()
    rows = list(csv.DictReader(io.StringIO((written / "table.csv").read_text())))
    assert not [row for row in rows if row["figure"] == "lpips" and row["source"] == "runs"]


def test_the_paper_s_figures_stand_beside_ours_and_are_never_the_best(runs):
    table = make_table(runs, ["lpips", "haze", "flow"], paper_rows("table2"), None)
    assert [(row.method, row.of_paper) for row in table.rows][:4] == [
        *(("ours", False), ("ours", True), ("without_mask", False), ("without_mask", True))
    ]
    assert table.best == {"lpips": frozenset(), "haze": {"ours"}, "flow": frozenset()}
    assert table.rows[1].means["lpips"].value == pytest.approx(0.150)


def test_csv_holds_full_precision_and_the_cells(runs, written):
    rows = list(csv.DictReader(io.StringIO((written / "table.csv").read_text())))
    (own,) = [r for r in rows if (r["method"], r["source"], r["figure"]) == ("without_mask", "runs", "haze")]
    assert float(own["mean"]) == mean_over_objects(by_method(runs)["without_mask"], "haze").value
    assert float(own["difference_low"]) > 0.05 and own["objects"] == "4"
    cells = list(csv.DictReader(io.StringIO((written / "runs.csv").read_text())))
    assert len(cells) == 16 and cells[0]["prompt"] == PROMPT and float(cells[1]["motion_passed"]) == 1.0


def test_latex_escapes_names_and_marks_the_best(runs):
    text = latex(make_table(runs, ["haze", "motion_passed"], {}, None))
    assert r"without\_mask & " in text and r"Haze, \% $\downarrow$" in text and r"\textbf{" in text
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert all(line.count(" & ") == 2 for line in body) and text.count("{") == text.count("}")


def test_markdown_has_as_many_cells_in_every_line(written):
    for block in (written / "table.md").read_text().split("\n\n"):
        assert len({line.replace("\\|", "").count("|") for line in block.strip().splitlines()}) == 1


def test_settings_that_differ_are_found_and_a_mixed_method_is_named(runs):
    assert between_methods(by_method(runs)) == {"mask._target_": METHODS}
    assert within_methods(by_method(runs)) == {}
    assert within_methods({"all": runs}) == {"all": ["mask._target_"]}
    other = {"group": "table3", "export": None, "skip_finished": True, "distillation": {"noise_seed": 7}}
    for key, value in other.items():  # made for another table, started again, with a seed of its own
        base = {**runs[0].settings, "distillation": {"noise_seed": 0}}
        pair = [replace(runs[0], settings=settings) for settings in (base, {**base, key: value})]
        assert within_methods({"ours": pair}) == {}


def test_evaluations_are_used_only_if_all_runs_were_evaluated_alike(tmp_path):
    runs = [write_run(tmp_path / name, "ours", name, 0, {"haze": 0.1}) for name in ("a", "b")]
    evaluation = {"eval/haze": 0.2, "recipe": {"views": {"size": 256}, "frames": 16, "fps": 8}}
    (runs[0] / "evaluation.json").write_text(json.dumps(evaluation))
    assert read_runs({str(tmp_path): None})[1] == "metrics.json"
    (runs[1] / "evaluation.json").write_text(json.dumps(evaluation))
    found, source, _ = read_runs({str(tmp_path): None})
    assert source == "evaluation.json" and found[0].value("haze") == 0.2
    evaluation["recipe"]["frames"] = 8
    (runs[1] / "evaluation.json").write_text(json.dumps(evaluation))
    assert read_runs({str(tmp_path): None})[1] == "metrics.json"


def test_runs_made_again_are_found_in_a_kept_table_or_what_differs_is_named(folder, written, tmp_path):
    kept, again = written / "runs.csv", Comparison(columns=["haze"], against=str(written / "runs.csv"))
    again(str(folder), tmp_path)
    changed = tmp_path / "runs.csv"
    changed.write_text(kept.read_text().replace(",0.", ",0.0", 1))
    with pytest.raises(InputError, match=r"/[\w-]+ .*runs\.csv: \w+: .* 0\.0"):
        Comparison(columns=["haze"], against=str(changed))(str(folder), tmp_path)
    changed.write_text(kept.read_text().replace("without_mask", "unknown"))
    with pytest.raises(InputError, match=r"runs\.csv .*without_mask"):
        Comparison(columns=["haze"], against=str(changed))(str(folder), tmp_path)


def test_bad_input_is_named(folder, tmp_path):
    compare = Comparison(columns=["haze"])
    with pytest.raises(InputError, match=f"{tmp_path}.*metrics.json"):
        compare(str(tmp_path), tmp_path)
    with pytest.raises(InputError, match="runs=DIR"):
        compare(None, tmp_path)
    with pytest.raises(InputError, match=r"hase.* haze\b"):
        Comparison(columns=["hase"])(str(folder), tmp_path)
    with pytest.raises(InputError, match="baseline=theirs.* ours, without_mask"):
        Comparison(columns=["haze"], reference="theirs")(str(folder), tmp_path)
    with pytest.raises(InputError, match="paper=table9.* table1"):
        Comparison(columns=["haze"], paper="table9")(str(folder), tmp_path)
    with pytest.raises(InputError, match=r"(?s)thing0.*seed 0.*runs={"):
        compare({"one": str(folder)}, tmp_path)
    (write_run(tmp_path / "broken", "ours", "a", 0, {}) / "metrics.json").write_text("{")
    with pytest.raises(InputError, match=r"broken/metrics\.json"):
        compare(str(tmp_path), tmp_path)
    (tmp_path / "broken" / "metrics.json").write_text("{}")
    (tmp_path / "broken" / "evaluation.json").write_text("[3]")
    with pytest.raises(InputError, match=r"broken/evaluation\.json"):
        compare(str(tmp_path), tmp_path)
    write_run(tmp_path / "older" / "run", "ours", "a", 0, {"haze": 0.1})
    (tmp_path / "older" / "run" / "config.yaml").write_text(yaml.safe_dump({"object": {}, "row": "ours"}))
    with pytest.raises(InputError, match="older/run.*`row`.*`method`"):
        compare(str(tmp_path / "older"), tmp_path)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"against=.*table\.csv .*method"):
        Comparison(columns=["haze"], against=str(tmp_path / "table.csv"))(str(folder), tmp_path)


def test_of_several_seeds_or_prompts_each_is_a_run_and_their_common_folder_none(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "several" / f"seed_{seed}", "ours", "a", seed, {"haze": 0.1})
    above = yaml.safe_dump({"object": {"folder": "a"}, "prompt": [PROMPT], "seed": 0, "n_seeds": 2, "method": "ours"})
    (tmp_path / "several" / "config.yaml").write_text(above)
    (tmp_path / "several" / "metrics.json").write_text(json.dumps({"clips": {PROMPT: {"best": "seed_0"}}}))
    found, source, unfinished = read_runs({str(tmp_path): None})
    assert [run.seed for run in found] == [0, 1] and (source, unfinished) == ("metrics.json", 0)


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH: apt-get install chromium")


@pytest.fixture(scope="module")
def page(written, tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.open((written / "compare.html").as_uri())
        browser.wait("document.readyState === 'complete'")
        yield browser


def column(page, table, number):
    cells = f"[...document.querySelectorAll('#{table} tbody tr')].map((r) => r.cells[{number}].textContent)"
    return page.value(cells)


@needs_chromium
def test_a_click_on_a_head_sorts_by_value_and_another_click_turns_it_round(page):
    heads = page.value("[...document.querySelectorAll('#runs thead th')].map((h) => h.textContent)")
    place = heads.index("Haze, % ↓")
    before = [float(text) for text in column(page, "runs", place)]
    page.click(f"#runs thead th:nth-child({place + 1}) button", across=0.3)
    assert [float(text) for text in column(page, "runs", place)] == sorted(before)
    page.click(f"#runs thead th:nth-child({place + 1}) button", across=0.3)
    assert [float(text) for text in column(page, "runs", place)] == sorted(before, reverse=True)
    assert before != sorted(before)


@needs_chromium
def test_what_was_not_computed_is_sorted_last_either_way(page):
    place = page.value("[...document.querySelectorAll('#means thead th')].findIndex((h) => h.textContent[0] === 'L')")
    for _ in range(2):
        page.click(f"#means thead th:nth-child({place + 1}) button", across=0.3)
        assert column(page, "means", place)[-2:] == ["-", "-"]


@needs_chromium
def test_the_videos_play_together(page):
    page.click("#videos")
    playing = "[...document.querySelectorAll('.view video')].every((v) => !v.paused && v.currentTime > 0)"
    page.wait(playing)
    assert page.value("document.querySelectorAll('.view video').length") == 16


@needs_chromium
def test_the_scatter_shows_every_run_and_every_mean_inside_its_frame(page):
    assert page.value("document.querySelectorAll('#scatter .dot').length") == 16
    assert page.value("document.querySelectorAll('#scatter > g .mean').length") == 2
    inside = """[...document.querySelectorAll('#scatter .dot')].every((mark) => {
      const [a, b] = [mark.getBoundingClientRect(), document.querySelector('#scatter').getBoundingClientRect()];
      return a.width > 0 && a.left > b.left && a.right < b.right && a.top > b.top && a.bottom < b.bottom; })"""
    assert page.value(inside)


@needs_chromium
def test_the_page_asks_for_nothing_and_believes_no_prompt(page):
    assert page.value("window.bad") is None and PROMPT in column(page, "runs", 2)
    assert not page.requests() and not page.troubles()


def test_baseline_and_axes_can_be_set_on_the_command_line():
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        config = compose("report", ["runs={a: x, b: y}", "baseline=b", "comparison.identity=psnr_t0", "out=z"])
    assert config.comparison.reference == "b" and config.comparison.identity == "psnr_t0"
