"""A run's folder has one owner and a shared result one maker, whatever becomes of the process that was it."""

import subprocess
import sys
import threading
import time

import pytest

from to4d.disk.locks import build_lock, run_lock
from to4d.errors import InputError

HOLD = "import sys, time\nfrom pathlib import Path\nfrom to4d.disk.locks import run_lock\n"
HOLD += "with run_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_folder_has_one_owner_and_is_free_after_a_kill(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match=r"/run\b.* out=DIR"),
            run_lock(tmp_path / "run"),
        ):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with run_lock(tmp_path / "run"):
        pass
    assert [path.name for path in (tmp_path / "run").iterdir()] in ([], [".lock"])


def test_who_needs_a_shared_result_waits_for_its_maker(tmp_path, caplog):
    made, waiting = tmp_path / "cache" / "fit.safetensors", threading.Event()

    def make():
        with build_lock(made):
            waiting.set()
            for _ in range(500):  # until it is waited for, however busy the machine is
                if str(made) in caplog.text:
                    break
                time.sleep(0.02)
            made.write_text("fit")

    maker = threading.Thread(target=make)
    maker.start()
    waiting.wait()
    with caplog.at_level("INFO"), build_lock(made):
        assert made.read_text() == "fit"
    maker.join()
    assert str(made) in caplog.text


def test_a_result_that_is_not_shared_needs_no_file(tmp_path):
    with build_lock(None), build_lock(None):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("hold", "setting"), [(run_lock, "out=DIR"), (lambda path: build_lock(path / "fit"), "TO4D_CACHE")]
)
def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path, hold, setting):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"file/run.* {setting}"), hold(tmp_path / "file" / "run"):
        pass
