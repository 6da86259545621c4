"""A sweep goes on past cells that fail, does finished ones for nothing, and tells how it stands from its folder."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from sweep_folder import ROOT, environment, laid_out

from to4d.disk.checkpoint import load_tree
from to4d.disk.locks import run_lock
from to4d.disk.run_state import DONE, FAILED, INTERRUPTED, RUNNING, record_failure, state_of
from to4d.errors import InputError
from to4d.runs.sweep import main, table

APP = """
defaults: [_self_, override hydra/sweeper: cells]
x: 0
skip_finished: true
out: ${hydra:runtime.output_dir}
hydra: {job: {chdir: false}, sweep: {dir: sweep, subdir: "x_${x}"}, run: {dir: single}, job_logging: {root: null}}
"""


@pytest.fixture
def app(tmp_path):
    return laid_out(tmp_path, APP)


def command(*settings):
    return [sys.executable, "app.py", "-m", *settings]


def sweep(app, *settings):
    return subprocess.run(command(*settings), cwd=app, capture_output=True, text=True, timeout=300, env=environment())


def starts(app):
    return {path.parent.name: path.read_text().count("start") for path in (app / "sweep").glob("*/starts.txt")}


def test_a_cell_that_fails_is_listed_at_the_end_and_tried_again_and_no_other(app, capsys):
    first = sweep(app, "x=1,bad,2")
    assert first.returncode == 1 and starts(app) == {"x_1": 1, "x_bad": 1, "x_2": 1}
    assert re.search(r"x=bad: ValueError: x is bad and stays so\n.*1 of 3", first.stdout)
    assert main(["status", str(app / "sweep")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"x_bad +failed +ValueError: x is bad and stays so", lines[2])
    assert re.findall(r"\d+ \w+", lines[-1]) == ["3 cells", "2 done", "1 failed"]
    (app / "mended").touch()
    second = sweep(app, "x=1,bad,2")
    assert second.returncode == 0 and starts(app) == {"x_1": 1, "x_bad": 2, "x_2": 1}
    assert "3 cells: 3 done" in table(app / "sweep")[0] and not list(app.rglob("run_failure.txt"))


def test_finished_cells_are_looked_at_again_when_any_configuration_file_has_changed(app):
    assert sweep(app, "x=1").returncode == 0
    assert sweep(app, "x=1").returncode == 0 and starts(app) == {"x_1": 1}
    (app / "conf" / "more.yaml").write_text("y: 1")
    assert sweep(app, "x=1").returncode == 0 and starts(app) == {"x_1": 2}


def test_finished_cells_are_looked_at_again_when_the_code_has_changed(app):
    changed = "import to4d.disk.source_hash as code\n\ncode.SHIPPED = ('.py',)  # as if a file of weights were gone\n"
    assert sweep(app, "x=1").returncode == 0 and starts(app) == {"x_1": 1}
    (app / "app.py").write_text(changed + (app / "app.py").read_text())
    assert sweep(app, "x=1").returncode == 0 and starts(app) == {"x_1": 2}


def test_a_process_that_is_asked_to_stop_ends_the_sweep_without_a_failure(app):
    ended = sweep(app, "x=1,stops,2")
    assert ended.returncode == 143 and starts(app) == {"x_1": 1, "x_stops": 1}
    assert "3 cells: 1 done, 1 interrupted, 1 not started" in table(app / "sweep")[0]


def test_cells_in_processes_of_their_own_outlive_one_that_is_killed_and_come_back_after_preemption(app):
    pytest.importorskip("submitit", reason="pip install -e '.[scale]'")
    settings = ["hydra/launcher=local", "hydra.launcher.at_once=3", "x=waits,dies,1"]
    running = subprocess.Popen(command(*settings), cwd=app, stdout=subprocess.PIPE, text=True, env=environment())
    pid = app / "sweep" / "x_waits" / "pid"
    wait_for(lambda: pid.exists() and pid.read_text())
    os.kill(int(pid.read_text()), signal.SIGUSR2)
    output, _ = running.communicate(timeout=300)
    assert running.returncode == 1 and "x=dies: " in output and "1 of 3" in output
    assert starts(app) == {"x_waits": 2, "x_dies": 1, "x_1": 1}
    assert "3 cells: 2 done, 1 interrupted" in table(app / "sweep")[0]


def test_cells_that_are_tried_again_keep_their_numbers_whatever_was_finished_between_them(app):
    pytest.importorskip("submitit", reason="pip install -e '.[scale]'")
    settings = ["hydra/launcher=local", "hydra.sweep.subdir=${hydra.job.num}", "x=bad,1,bad2"]
    assert sweep(app, *settings).returncode == 1 and starts(app) == {"0": 1, "1": 1, "2": 1}
    (app / "mended").touch()
    assert sweep(app, *settings).returncode == 0 and starts(app) == {"0": 2, "1": 1, "2": 2}


REAL = ["sweeps=table2", "object=gso/plant", "motion=jumping", "seed=0", "cache=false"]
REAL += ["phase=[static]", "phase.static.steps=60", "phase.static.lens.size=[16,16]", "export=[]", "logger=[]"]
REAL += ["callbacks=[]", "metrics.views.size=32", "metrics.frames=2", "renderer.samples=64", "renderer.resolution=32"]


@pytest.mark.slow
def test_real_cells_that_are_preempted_come_back_and_end_with_the_bits_of_a_run_alone(tmp_path):
    pytest.importorskip("submitit", reason="pip install -e '.[scale]'")
    out, train = tmp_path / "sweep", [sys.executable, "train.py"]
    settings = ["autosave_seconds=0", *REAL]
    command = [*train, "-m", "hydra/launcher=local", f"out={out}", "experiments=[],[without_mask]", *settings]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for(lambda: len(list(out.rglob("static.autosave"))) == 2 or running.poll() is not None)
    tasks = subprocess.run(["pgrep", "-f", f"core._submit {out}"], capture_output=True, text=True).stdout.split()
    for pid in tasks:
        os.kill(int(pid), signal.SIGUSR2)
    assert len(tasks) == 2 and running.wait(1800) == 0
    logs = "".join(path.read_text() for path in (out / ".submitit").rglob("*.err"))
    assert logs.count("Requeued job") == 2
    alone = tmp_path / "alone"
    subprocess.run([*train, f"out={alone}", "experiments=[without_mask]", *settings], cwd=ROOT, check=True)
    (cell,) = (out / "without_mask").rglob("seed0")
    a, b = (load_tree(folder / "model.safetensors") for folder in (cell, alone))
    assert a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a)


@pytest.mark.slow
def test_cells_on_ray_outlive_one_that_is_killed(app):
    pytest.importorskip("ray", reason="pip install -e '.[scale]'")
    few = ["hydra.launcher.remote.max_retries=0", "hydra.launcher.remote.memory=1e8"]
    done = sweep(app, "hydra/launcher=ray", *few, "x=dies,1,bad")
    assert done.returncode == 1 and "2 of 3" in done.stdout
    assert "3 cells: 1 done, 1 interrupted, 1 failed" in table(app / "sweep")[0]


def wait_for(thing):
    for _ in range(3000):
        if thing():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_run_at_work_shows_the_time_left_and_one_without_a_process_is_interrupted(tmp_path):
    progress = {"phase": "dynamic", "step": 3, "steps": 9, "seconds_left": 100, "at": time.time() - 40}
    (tmp_path / "run_progress.json").write_text(json.dumps(progress))
    with run_lock(tmp_path):
        state = state_of(tmp_path)
    assert state.name == RUNNING and state.detail == "dynamic 3/9" and 55 < state.seconds_left <= 60
    assert state_of(tmp_path).name == INTERRUPTED
    (tmp_path / "metrics.json").write_text("{}")
    assert state_of(tmp_path).name == DONE


def test_a_failure_is_kept_until_the_next_start_and_never_in_a_folder_of_another_process(tmp_path):
    with pytest.raises(InputError), record_failure(tmp_path), run_lock(tmp_path):
        raise InputError("the mesh\nis empty")
    assert state_of(tmp_path).name == FAILED and state_of(tmp_path).detail == "the mesh is empty"
    with pytest.raises(KeyboardInterrupt), record_failure(tmp_path):
        raise KeyboardInterrupt
    assert state_of(tmp_path).name == INTERRUPTED
    with run_lock(tmp_path), pytest.raises(InputError), record_failure(tmp_path), run_lock(tmp_path):
        pass
    assert state_of(tmp_path).name == INTERRUPTED


def test_looking_does_not_keep_a_run_from_starting(tmp_path):
    with run_lock(tmp_path):
        pass
    (tmp_path / ".lock").touch()
    for _ in range(20):
        assert state_of(tmp_path).name == INTERRUPTED
        with run_lock(tmp_path):
            assert state_of(tmp_path).name == RUNNING


def test_a_folder_without_runs_is_one_clear_line(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
