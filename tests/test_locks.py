"""A run's folder has one owner and a shared result one maker, whatever becomes of the process that was it."""

import subprocess
import sys
import threading
import time

import pytest

from to4d.disk.locks import making, owned
from to4d.errors import InputError

HOLD = "import sys, time\nfrom pathlib import Path\nfrom to4d.disk.locks import owned\n"
HOLD += "with owned(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_folder_has_one_owner_and_is_free_after_a_kill(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match=r"another process is at work in .*run; .*out=DIR"),
            owned(tmp_path / "run"),
        ):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with owned(tmp_path / "run"):
        pass
    assert [path.name for path in (tmp_path / "run").iterdir()] in ([], [".lock"])


def test_who_needs_a_shared_result_waits_for_its_maker(tmp_path, caplog):
    made, waiting = tmp_path / "cache" / "fit.safetensors", threading.Event()

    def make():
        with making(made):
            waiting.set()
            for _ in range(500):  # until it is waited for, however busy the machine is
                if "another run is making" in caplog.text:
                    break
                time.sleep(0.02)
            made.write_text("fit")

    maker = threading.Thread(target=make)
    maker.start()
    waiting.wait()
    with caplog.at_level("INFO"), making(made):
        assert made.read_text() == "fit"
    maker.join()
    assert "another run is making" in caplog.text


def test_a_result_that_is_not_shared_needs_no_file(tmp_path):
    with making(None), making(None):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("hold", "advice"), [(owned, "out=DIR"), (lambda path: making(path / "fit"), "TO4D_CACHE")])
def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path, hold, advice):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"cannot write .*{advice}"), hold(tmp_path / "file" / "run"):
        pass
