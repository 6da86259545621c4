"""A search for the best settings finds them, and goes on where it was killed as if nothing had happened."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from sweep_folder import environment, laid_out

optuna = pytest.importorskip("optuna", reason="pip install -e '.[scale]'")

APP = """
defaults: [_self_, override hydra/sweeper: search]
x: 0
skip_finished: false
out: ${hydra:runtime.output_dir}
hydra: {sweep: {dir: sweep, subdir: "${hydra.job.num}"}, run: {dir: single}, job_logging: {root: null}}
"""
SETTINGS = ["hydra.sweeper.metric=score", "hydra.sweeper.direction=minimize"]


@pytest.fixture
def app(tmp_path):
    return laid_out(tmp_path, APP)


def start(app, folder, *settings):
    command = [sys.executable, "app.py", "-m", f"hydra.sweep.dir={folder}", *SETTINGS, *settings]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=app, env=environment(), **pipes)


def finished(running):
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 0, output
    return output


def trials(app, folder):
    study = optuna.load_study(study_name="to4d", storage=f"sqlite:///{app}/{folder}/search.db")
    return [(trial.params, trial.value) for trial in study.trials]


def test_a_search_that_is_killed_goes_on_as_if_nothing_had_happened_and_finds_the_best(app):
    asked = ["x=interval(-4,8)", "hydra.sweeper.trials=14"]
    killed = start(app, "killed", *asked)
    while len(list((app / "killed").glob("*/metrics.json"))) < 3 and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (app / "killed" / "best.json").exists()
    for folder in ("killed", "unbroken"):
        finished(start(app, folder, *asked))
    assert trials(app, "killed") == trials(app, "unbroken") and len(trials(app, "killed")) == 14
    best = json.loads((app / "killed" / "best.json").read_text())
    assert best["score"] == min(value for _, value in trials(app, "killed")) < 1.0
    assert best["settings"] == [f"x={trials(app, 'killed')[best['trial']][0]['x']}"]


def test_trials_that_fail_are_counted_and_others_take_their_place(app):
    asked = ["x=choice(bad,1.5)", "hydra.sweeper.trials=4", "hydra.sweeper.at_once=2"]
    first = start(app, "sweep", *asked)
    output, _ = first.communicate(timeout=600)
    failed = sum(value is None for _, value in trials(app, "sweep"))
    assert first.returncode == 1 and f"{failed} trials" in output and "x=bad: ValueError" in output
    (app / "mended").touch()
    finished(start(app, "sweep", *asked))
    assert [value is None for _, value in trials(app, "sweep")].count(False) == 4
    assert len(trials(app, "sweep")) == 4 + failed


def test_another_search_or_figure_is_refused_in_a_line(app):
    finished(start(app, "sweep", "x=interval(-4,8)", "hydra.sweeper.trials=1"))
    other = start(app, "sweep", "x=interval(-4,9)")
    output, _ = other.communicate(timeout=600)
    assert other.returncode == 2 and re.fullmatch(r"error: .*sweep/search\.db .*out=DIR\n", output)
    output, _ = start(app, "new", "x=interval(-4,8)", "hydra.sweeper.metric=scores").communicate(timeout=600)
    assert "scores" in output and re.search(r"\bscore\b", output) and "Traceback" not in output
