"""Files that are damaged, in hundreds of ways drawn from seeds: what is read is what was written, or it is refused."""

import contextlib
import errno
import json
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
import torch
from damage import DAMAGES

from to4d.disk.checkpoint import TreeIO, load_tree, save_tree
from to4d.disk.files import backup_path, read_checked, write_atomically, write_sums
from to4d.disk.run_state import PROGRESS_FILE, state_of
from to4d.errors import InputError
from to4d.export.page.training_log import read_log
from to4d.runs.settings import read_settings
from to4d.runs.sweep import COUNT, STAMP, finished_cells, table
from to4d.runs.training import load_cached, resumable

TREE = {"w": torch.arange(40.0), "half": torch.ones(3, 2).half(), "step": 7, "names": ["a", ("b", None)], 3: {"x": 0.1}}


def damaged(path, seed):
    """Let something happen to a file that still is one."""
    random = Random(seed)
    random.choice([damage for name, damage in DAMAGES.items() if name != "delete"])(path, random)


def same(tree):
    return str(tree) == str(TREE)


def test_a_damaged_checkpoint_is_refused_or_says_what_it_said(tmp_path):
    path, refused = tmp_path / "x", 0
    for seed in range(400):
        save_tree(path, TREE)
        damaged(path, seed)
        try:
            assert same(load_tree(path)), seed
        except InputError:
            refused += 1
    assert refused > 300


@pytest.mark.parametrize("both", [False, True])
def test_the_newest_autosave_that_is_whole_is_gone_on_from(tmp_path, both):
    path, io = tmp_path / "static.autosave", TreeIO()
    for seed in range(60):
        for step in (1, 2):
            io.save_checkpoint(TREE | {"step": step}, path)
        for hurt in (path, backup_path(path)) if both else (path,):
            damaged(hurt, seed)
        taken = resumable(path)
        steps = {path: 2, backup_path(path): 1}
        assert (taken is None and both) or load_tree(taken)["step"] == steps[taken], seed
        assert not path.exists() or taken == path  # what is damaged is not kept as the one before the next
        io.remove_checkpoint(path)


@pytest.mark.parametrize("moment", ["write", "first name", "second name"])
def test_an_autosave_that_cannot_be_written_leaves_one_to_go_on_from(tmp_path, monkeypatch, moment):
    path, io, replace = tmp_path / "static.autosave", TreeIO(), Path.replace
    io.save_checkpoint(TREE | {"step": 1}, path)
    calls = []

    def full(*args):
        calls.append(args)
        if len(calls) == {"write": 1, "first name": 1, "second name": 2}[moment]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(*args)

    monkeypatch.setattr("os.fsync" if moment == "write" else "pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"static\.autosave.* out=DIR"):
        io.save_checkpoint(TREE | {"step": 2}, path)
    assert load_tree(resumable(path))["step"] == 1
    assert not list(tmp_path.glob(".*.tmp*"))


def test_a_damaged_result_is_not_taken_and_does_not_stay(tmp_path):
    model, path = torch.nn.Linear(5, 3), tmp_path / "fit.safetensors"
    whole = {key: value.clone() for key, value in model.state_dict().items()}
    for seed in range(60):
        save_tree(path, whole)
        damaged(path, seed)
        torch.nn.init.zeros_(model.weight)
        if load_cached(path, SimpleNamespace(renderer=model)):
            assert torch.equal(model.weight, whole["weight"])
        else:
            assert not path.exists() and not model.weight.any()


def test_plain_files_of_a_finished_run_are_as_they_were_or_refused(tmp_path):
    files = {"config.yaml": b"seed: 1\nlr: {static: 0.05}\n", "metrics.json": b'{"eval/psnr": 31.25}'}
    for seed in range(200):
        write_sums(tmp_path, files)
        for name, data in files.items():
            write_atomically(tmp_path / name, data)
        hurt = tmp_path / Random(seed).choice([*files, "SHA256SUMS"])
        damaged(hurt, seed)
        for name, data in files.items():
            with contextlib.suppress(InputError):
                assert read_checked(tmp_path / name) == data, seed


def test_a_damaged_configuration_is_one_clear_line(tmp_path):
    path, text = tmp_path / "config.yaml", b"seed: 1\nlr: {static: 0.05}\nprompt: a plant, blooming\n"
    for seed in range(200):
        path.write_bytes(text)
        damaged(path, seed)
        with contextlib.suppress(InputError):
            assert dict(read_settings(path))  # with what was damaged in it, which is told apart by its keys


def test_how_a_sweep_stands_can_be_told_whatever_became_of_its_notes(tmp_path):
    cell = tmp_path / "cell"
    (cell / ".hydra").mkdir(parents=True)
    progress = {"phase": "dynamic", "step": 3, "steps": 9, "seconds_left": 100, "at": 1e9}
    notes = {
        cell / PROGRESS_FILE: json.dumps(progress),
        cell / "run_failure.txt": "the mesh is empty",
        tmp_path / COUNT: "24",
    }
    notes |= {cell / STAMP: "ab" * 32, cell / "metrics.json": "{}"}
    for seed in range(200):
        for path, text in notes.items():
            path.write_text(text)
        damaged(Random(seed).choice(list(notes)), seed)
        assert "1 done" in table(tmp_path)[0] and len(finished_cells(tmp_path)) == 1
        (cell / "metrics.json").unlink()
        assert state_of(cell).name == "failed"
        (cell / "run_failure.txt").unlink()
        assert state_of(cell).name == "interrupted"


def test_a_damaged_log_does_not_keep_a_finished_run_from_its_report(tmp_path):
    path = tmp_path / "version_0" / "metrics.csv"
    path.parent.mkdir()
    rows = [f"{0.5 / (i + 1)},{i},,{1.5 * i}" for i in range(40)]
    for seed in range(200):
        path.write_text("\n".join(["static/static,step,eval/psnr,static/mask", *rows]) + "\n")
        damaged(path, seed)
        log = read_log(tmp_path)
        assert all(value == value for steps in log.values.values() for value in steps.values())
