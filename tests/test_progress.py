"""The remaining time is that of all phases, on a terminal, in lines, and in the file that others read."""

import io
import json
import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from to4d.callbacks import progress as module
from to4d.callbacks.progress import PhasePlan, RunProgress

PLAN = {"static": PhasePlan(2, 1.0, 4), "dynamic": PhasePlan(4, 3.0, 1)}


@pytest.fixture
def clock(monkeypatch):
    """Seconds that `time.monotonic` tells, to be changed."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.seconds)
    return now


def train(progress, clock, steps, seconds, stop_at=None):
    """Go through a phase of so many steps, which take so many seconds each."""
    trainer = SimpleNamespace(global_step=0, callback_metrics={"any/static": torch.tensor(0.25)})
    progress.on_train_start(trainer, None)
    for step in range(1, (stop_at or steps) + 1):
        trainer.global_step, clock.seconds = step, clock.seconds + seconds
        progress.on_train_batch_end(trainer, None, None, None, step)
    if stop_at is None:
        progress.teardown(trainer, None, "fit")


def read(path):
    state = json.loads(path.read_text())
    return state["phase"], state["step"], state["seconds_left"]


def test_the_time_left_is_that_of_all_phases_by_their_cost(clock, tmp_path):
    progress = RunProgress(PLAN, tmp_path / "state.json")
    train(progress, clock, 2, seconds=11.0)
    assert read(tmp_path / "state.json") == ("static", 2, 4 * 3 * 11)
    train(progress, clock, 4, seconds=33.0, stop_at=1)
    assert read(tmp_path / "state.json") == ("dynamic", 1, 3 * 33)


def test_a_phase_that_was_done_before_does_not_count(clock, tmp_path):
    progress = RunProgress(PLAN, tmp_path / "state.json")
    progress.skip("static")
    train(progress, clock, 4, seconds=20.0)
    assert read(tmp_path / "state.json") == ("dynamic", 4, 0)


def test_without_a_terminal_there_is_a_line_every_ten_seconds_and_at_the_end(clock, tmp_path, capsys):
    progress = RunProgress({"static": PhasePlan(21, 1.0, 4)}, tmp_path / "state.json")
    train(progress, clock, 21, seconds=1.0)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["1/21", "12/21", "21/21"]
    assert all("views 4" in line and "static 0.25" in line for line in lines) and "0:09 left" in lines[1]


def test_a_terminal_shows_a_bar_below_what_is_logged_and_gets_its_streams_back(clock, tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "__stderr__", screen)
    handler = logging.StreamHandler(screen)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    progress = RunProgress(PLAN, tmp_path / "state.json", Console(file=screen, force_terminal=True, width=120))
    train(progress, clock, 2, seconds=60.0, stop_at=1)
    logging.getLogger("any").warning("a word in between")
    progress.on_exception(None, None, SystemExit())
    text = screen.getvalue()
    assert "1/2" in text and "static 0.25" in text and "13:00 left" in text
    assert text.index("a word in between") > text.index("1/2") and text.rstrip().endswith("\x1b[?25h")  # the cursor
    assert sys.stderr is screen and handler.stream is screen
