"""Files are written whole, and cleaning up after a killed process touches nothing of anybody else's."""

import os
import subprocess
import sys

import pytest

from to4d.disk.files import replacing, stale_temporaries, temporary_path, write_atomically


def killed_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_by(process, path, monkeypatch):
    """What a process leaves that is killed while it writes `path`."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: process)
        temporary = temporary_path(path)
    temporary.write_bytes(b"half")
    return temporary


def test_what_a_killed_process_left_half_written_is_found(tmp_path, monkeypatch):
    left = [left_by(killed_process(), tmp_path / name, monkeypatch) for name in ("config.yaml", "x.mp4", "SHA256SUMS")]
    assert stale_temporaries(tmp_path) == sorted(left)


def test_what_a_live_process_is_writing_is_left_alone(tmp_path, monkeypatch):
    left_by(os.getppid(), tmp_path / "config.yaml", monkeypatch)
    assert stale_temporaries(tmp_path) == []


@pytest.mark.parametrize(
    "name", [".env.tmpl", ".chezmoi.toml.tmpl", ".x.tmp", ".config.123.tmp.yaml", "to4d-1-0123abcd.tmp", ".vim.swp"]
)
def test_files_of_other_programs_are_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    assert stale_temporaries(tmp_path) == []


def test_folders_below_and_folders_of_such_a_name_are_left_alone(tmp_path, monkeypatch):
    dead = killed_process()
    (tmp_path / "other_run").mkdir()
    left_by(dead, tmp_path / "other_run" / "config.yaml", monkeypatch)
    left = left_by(dead, tmp_path / "config.yaml", monkeypatch)
    left.unlink()
    left.mkdir()
    assert stale_temporaries(tmp_path) == [] and stale_temporaries(tmp_path / "missing") == []


def test_a_failed_write_leaves_the_file_that_was_there_and_no_other(tmp_path):
    write_atomically(tmp_path / "x", b"old")

    def write_and_fail():
        with replacing(tmp_path / "x") as temporary:
            temporary.write_bytes(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
