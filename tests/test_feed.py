"""Who watches a run sees its latest state and the very cameras that it uses; a gate lets in who knows the token."""

import contextlib
import http.client
import http.server
import json
import shutil
import socket
import threading
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning import Callback

from to4d.disk.checkpoint import load_tree, save_tree
from to4d.errors import InputError
from to4d.runs.run import run
from to4d.viewer.feed import Feed
from to4d.viewer.gate import COOKIE, Gate

SEEN = {}


class Witness(Callback):
    """Remembers the first camera of every step."""

    def on_train_batch_start(self, trainer, pl_module, *args):
        SEEN[pl_module.name, trainer.global_step] = pl_module.cameras(pl_module.step_generator()).pose[0]


def config(out, *overrides):
    quick = ["export=[]", "logger=[]", "cache=false", "renderer.samples=64", "renderer.resolution=32"]
    settings = [f"out={out}", "prompt=a plant blooming", "metrics.views.size=32", *quick, *overrides]
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        return compose("train", settings)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    out, short = tmp_path_factory.mktemp("watched"), ["phase=[static]", "phase.static.steps=8"]
    witness = f"+callbacks.witness={{_target_: {__name__}.Witness}}"
    run(config(out, "view=true", "callbacks.live.seconds=0", "phase.static.lens.size=[16,16]", witness, *short))
    return out


def test_a_finished_run_is_shown_as_such_with_the_cameras_that_it_used(watched):
    feed = Feed(watched)
    assert feed.text() == "finished" and not feed.renew()
    shown = feed.cameras["static"].pose
    assert len(shown) == 24 and torch.equal(shown[0], SEEN["static", 0]) and torch.equal(shown[-1], SEEN["static", 7])


def test_a_run_at_work_is_followed(watched, tmp_path):
    for name in ("config.yaml", "live.json", "live.safetensors"):
        shutil.copy(watched / name, tmp_path)
    feed = Feed(tmp_path)
    assert feed.text().startswith("static 8/8; cameras within ±180°; static ")
    state = load_tree(tmp_path / "live.safetensors")
    name = next(name for name in state if "motion.knots" in name)
    save_tree(tmp_path / "live.safetensors", state | {name: state[name] + 1.0})
    assert feed.renew() and torch.equal(dict(feed.scene.renderer.state_dict())[name], state[name] + 1.0)
    assert not feed.renew()


def test_a_run_that_is_not_watched_leaves_nothing_for_watchers_and_may_be_watched_later(tmp_path):
    run(config(tmp_path / "run", "phase=[]"))
    assert not (tmp_path / "run" / "live.json").exists()
    (tmp_path / "run" / "metrics.json").unlink()
    run(config(tmp_path / "run", "phase=[]", "view=true"))
    with pytest.raises(InputError, match="view=true"):
        Feed(tmp_path)


def test_cameras_call_only_parts_of_to4d(watched, tmp_path):
    for name in ("config.yaml", "model.safetensors"):
        shutil.copy(watched / name, tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("to4d.lens.OrbitLens", "os.system"))
    with pytest.raises(InputError, match=r"lens call 'os.system'"):
        Feed(tmp_path)


@pytest.fixture
def gate():
    class Hello(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    gate = Gate("127.0.0.1", 0, server.server_address[1])
    yield gate
    gate.close()
    server.shutdown()
    server.server_close()
    thread.join()


def answer(gate, path="/", **headers):
    visit = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    visit.request("GET", path, headers=headers)
    got = visit.getresponse()
    told = got.status, got.read(), got.getheader("Set-Cookie")
    visit.close()
    return told


def test_the_gate_lets_in_who_knows_the_token_and_nobody_else(gate):
    for stranger in ({}, {"Cookie": f"{COOKIE}=guess"}, {"Cookie": f"other={gate.token}"}):
        status, text, cookie = answer(gate, **stranger)
        assert status == 403 and b"token" in text and b"hello" not in text and cookie is None
    assert answer(gate, "/?token=guess")[0] == 403 and answer(gate, "/?token=")[0] == 403
    status, text, cookie = answer(gate, f"/?token={gate.token}")
    assert status == 303 and text == b"" and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert answer(gate, Cookie=cookie.split(";")[0])[:2] == (200, b"hello")


def test_what_is_no_request_is_turned_away(gate):
    for junk in (b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"x" * 70000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as visit:
            visit.sendall(junk)
            with contextlib.suppress(ConnectionResetError):
                assert b"hello" not in visit.recv(1000)
    assert answer(gate, Cookie=f"{COOKIE}={gate.token}")[0] == 200


def test_each_gate_has_a_token_of_its_own(gate):
    other = Gate("127.0.0.1", 0, 1)
    assert other.token != gate.token and len(other.token) > 20
    other.close()


def test_what_is_told_is_plain(watched):
    told = json.loads((watched / "live.json").read_text())
    assert told["phase"] == "static" and told["step"] == told["steps"] == 8 and told["values"]["static"] > 0
