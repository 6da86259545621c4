"""A run whose dashboard is online outlives the network; a stand-in for W&B's server notes what it is sent."""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

ROOT = Path(__file__).parents[1]
KEY = "0123456789abcdef" * 2 + "01234567"
RUN = ["object=gso/plant", "prompt=a plant jumping", "phase=[static]", "phase.static.steps=30", "cache=false"]
RUN += ["phase.static.lens.size=[16,16]", "export=[]", "callbacks=[]", "renderer.samples=32", "renderer.resolution=16"]
RUN += ["metrics.views.size=32", "metrics.frames=2", "metrics.views.azimuths_deg=[0]", "metrics.views.antialias=1"]
RUN += ["logger=[wandb]", "logger.wandb.offline=false", "logger.wandb.patience_seconds=2"]


class Server(ThreadingHTTPServer):
    """Says yes to everything."""

    daemon_threads = True

    def __init__(self, port=0):
        self.sent, self.streaming = [], Event()
        super().__init__(("127.0.0.1", port), Answer)

    @property
    def text(self):
        return b"".join(self.sent).decode(errors="replace")


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.sent += [self.path.encode(), body]
        if self.path.endswith("file_stream"):
            self.server.streaming.set()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": self.answer(body) if self.path == "/graphql" else {}}).encode())

    def answer(self, body):
        """Where files are to be put; all else is answered by nothing."""
        asked = json.loads(body)
        if asked["operationName"] != "CreateRunFiles":
            return {}
        url = f"http://127.0.0.1:{self.server.server_address[1]}/files/"
        files = [{"name": name, "uploadUrl": url + name} for name in asked["variables"]["files"]]
        return {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": files}}

    do_GET = do_PUT = do_POST

    def log_message(self, *args):
        pass


@contextmanager
def serving(port=0):
    """A server until the end of the block; then nobody listens there."""
    server = Server(port)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def environment(port, folder):
    settings = {"WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_API_KEY": KEY, "OMP_NUM_THREADS": "1"}
    settings |= {"WANDB_CONFIG_DIR": str(folder), "WANDB_CACHE_DIR": str(folder), "WANDB_DATA_DIR": str(folder)}
    return os.environ | settings | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """A run whose network goes away as soon as it is used: its folder, its output, what was sent then and by a sync."""
    folder = tmp_path_factory.mktemp("cut_off")
    command = [sys.executable, "train.py", f"out={folder / 'run'}", *RUN]
    with serving() as server:
        port, variables = server.server_address[1], environment(server.server_address[1], folder)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        running = subprocess.Popen(command, cwd=ROOT, env=variables, **pipes)
        while not server.streaming.wait(0.1) and running.poll() is None:
            pass
    output, _ = running.communicate()
    with serving(port) as later:
        (advised,) = re.findall(r"`wandb (sync [^`]*)`", output)
        subprocess.run([sys.executable, "-m", "wandb", *advised.split()], cwd=folder, env=variables, check=True)
    return folder / "run", running.returncode, output, server.text, later.text


def test_a_run_goes_on_when_the_network_goes_away_and_its_dashboard_is_sent_later(cut_off):
    out, status, output, sent, later = cut_off
    assert status == 0 and (out / "metrics.json").exists(), output
    assert "eval/psnr" not in sent
    assert "eval/psnr" in later and '\\"trainer/global_step\\":29' in later


def test_the_key_is_neither_sent_nor_written_and_nothing_of_this_computer_is_sent(cut_off):
    out, _, output, sent, later = cut_off
    texts = [path.read_bytes().decode(errors="replace") for path in out.rglob("*") if path.is_file()]
    assert len(texts) > 5 and not any(KEY in text for text in (*texts, output, sent, later))
    assert "upsertBucket" in sent and str(out) not in sent and str(ROOT) not in sent
    assert f'"host":"{socket.gethostname()}"' not in sent and '"host"' in sent
