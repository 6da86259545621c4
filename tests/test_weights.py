"""Large downloads: what breaks goes on, what is damaged is not kept, and DynamiCrafter finds what was fetched."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import torch
import yaml
from test_dynamicrafter_checkpoint import plain, schedule, shapes_of

from to4d.disk.folders import weights_folder
from to4d.errors import InputError
from to4d.guidance.dynamicrafter.official_checkpoint import convert_checkpoint
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.guidance.random_weights import random_tensor
from to4d.metrics.networks.pretrained_files import HUB, PRETRAINED, PretrainedFile
from to4d.weights import checkpoint as official
from to4d.weights.__main__ import main
from to4d.weights.known import CHECKPOINTS, REPOSITORIES, Checkpoint
from to4d.weights.metrics import get_official
from to4d.weights.partial_downloads import Claim, fetch_large

CONF = Path(__file__).parents[1] / "conf"
DATA = bytes(range(256)) * 4000
URL = "https://example.org/model.ckpt"


class Server(ThreadingHTTPServer):
    """Serves `files` by path; knows ranges if `ranges`, and breaks after `breaks[i]` bytes of its i-th answer."""

    def __init__(self, files, ranges=True, breaks=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.ranges, self.breaks, self.asked = files, ranges, list(breaks), []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def opener(self, asked, timeout):
        """`urlopen`, for which this server stands for every host."""
        request = asked if isinstance(asked, Request) else Request(asked)
        path = re.sub("https://[^/]*", "", request.full_url)
        response = urlopen(Request(f"http://127.0.0.1:{self.server_port}{path}", headers=request.headers), timeout=5)
        response.geturl = lambda: request.full_url
        return response


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        self.server.asked.append(start)
        data = self.server.files.get(self.path)
        if data is None:
            return self.send_error(404)
        if start and self.server.ranges and start >= len(data):
            return self.send_error(416)
        self.send_response(206 if start and self.server.ranges else 200)
        if start and self.server.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            data = data[start:]
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return self.wfile.write(data[: self.server.breaks.pop(0)] if self.server.breaks else data)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(files, **settings):
        servers.append(Server(files, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def claim_of(data):
    return Claim(len(data), hashlib.sha256(data).hexdigest())


def fetched(server, target, claim=None):
    fetch_large(URL, target, claim_of(DATA) if claim is None else claim, server.opener, pause_seconds=0.0)
    return target.read_bytes()


def test_a_broken_connection_goes_on_where_it_stopped(serve, tmp_path):
    server = serve({"/model.ckpt": DATA}, breaks=[1000, 500_000])
    assert fetched(server, tmp_path / "x") == DATA
    assert server.asked == [0, 1000, 501_000]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_later_command_goes_on_too(serve, tmp_path):
    with pytest.raises(OSError, match="broke after"):
        fetched(serve({"/model.ckpt": DATA}, breaks=[1000] * 8), tmp_path / "x")
    assert not (tmp_path / "x").exists()
    server = serve({"/model.ckpt": DATA})
    assert fetched(server, tmp_path / "x") == DATA and server.asked == [8000]


def test_a_server_without_ranges_starts_again(serve, tmp_path):
    server = serve({"/model.ckpt": DATA}, ranges=False, breaks=[1000])
    assert fetched(server, tmp_path / "x") == DATA and server.asked == [0, 1000]


def test_a_beginning_of_another_file_is_not_gone_on_with(serve, tmp_path):
    with pytest.raises(OSError, match="broke after"):
        fetched(serve({"/model.ckpt": DATA}, breaks=[1000] * 8), tmp_path / "x")
    other = DATA[::-1]
    server = serve({"/model.ckpt": other})
    assert fetched(server, tmp_path / "x", claim_of(other)) == other and server.asked == [0]


def test_a_beginning_longer_than_the_file_is_thrown_away(serve, tmp_path):
    (tmp_path / "x.unknown.part").write_bytes(b"-" * (len(DATA) + 5))
    server = serve({"/model.ckpt": DATA})
    assert fetched(server, tmp_path / "x", Claim()) == DATA and server.asked == [len(DATA) + 5, 0]


@pytest.mark.parametrize(
    ("sent", "claim", "word"),
    [
        (DATA[:-1] + b"!", claim_of(DATA), "sha256"),
        (DATA + b"!", claim_of(DATA), "more than"),
        (DATA, Claim(None, "0" * 64), "sha256"),
    ],
    ids=["corrupt", "longer", "another"],
)
def test_what_is_not_the_file_is_refused_and_not_kept(serve, tmp_path, sent, claim, word):
    with pytest.raises(InputError, match=word):
        fetched(serve({"/model.ckpt": sent}), tmp_path / "x", claim)
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_not_there_is_asked_for_once(serve, tmp_path):
    server = serve({})
    with pytest.raises(OSError, match="404"):
        fetched(server, tmp_path / "x")
    assert server.asked == [0]


def test_a_redirect_away_from_https_is_refused(serve, tmp_path):
    server = serve({"/model.ckpt": DATA})

    def astray(asked, timeout):
        response = server.opener(asked, timeout)
        response.geturl = lambda: "http://example.org/model.ckpt"
        return response

    with pytest.raises(InputError, match="not https"):
        fetch_large(URL, tmp_path / "x", Claim(), astray)


KNOWN = Checkpoint("Someone/Tiny", "tiny", "dynamicrafter", "tiny")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkpoint of the tiny model: its tensors, and the pickle's bytes."""
    state = {name: random_tensor(name, shape, seed=1) for name, shape in shapes_of("tiny").items()}
    path = tmp_path_factory.mktemp("made") / "made.ckpt"
    torch.save(plain(state | schedule("tiny")), path)
    return state, path.read_bytes()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path / "cache"))


def files_of(data):
    """The two files of a repository of the hub: the pickle and what stands for it."""
    sha256 = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
    return {"/Someone/Tiny/resolve/main/model.ckpt": data, "/Someone/Tiny/raw/main/model.ckpt": pointer}


def get(server, halved=False):
    return official.get_checkpoint("dynamicrafter-tiny", KNOWN, halved, server.opener)


def test_dynamicrafter_finds_what_was_fetched(serve, made, caplog, monkeypatch):
    state, pickled = made
    with caplog.at_level("WARNING"):
        path = get(serve(files_of(pickled), breaks=[10**6, 10**6]))
    assert "the hub's own statement" in caplog.text
    folder = {p.name for p in path.parent.iterdir()} - {"dynamicrafter-tiny.lock"}
    assert folder == {"dynamicrafter-tiny.safetensors", "dynamicrafter-tiny.json"}  # the pickle is gone
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(pickled).hexdigest()
    assert record["safetensors_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert get(serve({})) == path  # without a network
    path.rename(path.with_name("dynamicrafter-256.safetensors"))
    monkeypatch.setitem(SIZES, "256", SIZES["tiny"])
    assert torch.equal(DynamiCrafter("256").networks.resampler.latents, state["image_proj_model.latents"])


def test_offline_the_way_by_hand_is_told_and_taken_and_rubbish_is_not_converted(serve):
    server = serve({})
    with pytest.raises(InputError, match=r"put it at (.*\.ckpt),") as error:
        get(server)
    place = Path(re.search(r"put it at (\S+\.ckpt),", str(error.value))[1])
    place.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="could not be converted"):
        get(server)
    assert server.asked == [0] and [p.name for p in place.parent.glob("*.safetensors")] == []


def test_another_file_than_the_first_time_is_refused(serve):
    record = weights_folder() / "dynamicrafter-tiny.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"sha256": "0" * 64}))
    server = serve(files_of(b"another"))
    with pytest.raises(InputError, match="another file than before"):
        get(server)
    assert server.asked == [0]  # the pointer alone


def test_a_checkpoint_of_another_size_is_not_converted(made, tmp_path):
    (tmp_path / "tiny.ckpt").write_bytes(made[1])
    with pytest.raises(InputError, match=r"guidance\.size"):
        convert_checkpoint(tmp_path / "tiny.ckpt", tmp_path / "out.safetensors", size="tiny_velocity")
    assert not (tmp_path / "out.safetensors").exists()


def test_too_small_a_disk_is_found_out_before(serve):
    pointer = b"oid sha256:" + b"0" * 64 + b"\nsize 1000000000000000\n"
    with pytest.raises(InputError, match="GB left"):
        get(serve({"/Someone/Tiny/raw/main/model.ckpt": pointer}))


def hub_file(data, sha256=None):
    """A file of the hub, and its files as `serve` takes them."""
    known = PretrainedFile(f"{HUB}Someone/Tiny/resolve/main/tiny.pth", "tiny.pth", "tiny", "free", sha256)
    pointer = f"oid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n".encode()
    return known, {"/Someone/Tiny/resolve/main/tiny.pth": data, "/Someone/Tiny/raw/main/tiny.pth": pointer}


def test_a_network_that_measures_is_fetched_once_and_goes_on(serve, caplog):
    known, files = hub_file(DATA)
    with caplog.at_level("WARNING"):
        path = get_official(known, serve(files, breaks=[10**6, 10**5]).opener)
    assert path == known.path == weights_folder() / "metrics" / "tiny.pth" and path.read_bytes() == DATA
    assert "the hub's own statement" in caplog.text
    assert get_official(known, serve({}).opener) == path  # without a network


@pytest.mark.parametrize("digits", [8, 64])
def test_the_first_digits_of_a_known_checksum_are_enough_to_refuse_another_file(serve, digits):
    sha256 = hashlib.sha256(DATA).hexdigest()[:digits]
    known = PretrainedFile("https://example.org/tiny.pth", "tiny.pth", "tiny", "free", sha256)
    with pytest.raises(InputError, match="sha256"):
        get_official(known, serve({"/tiny.pth": DATA[::-1]}).opener)
    assert not known.path.exists()
    assert get_official(known, serve({"/tiny.pth": DATA}).opener).read_bytes() == DATA


def test_offline_the_place_for_the_file_is_told(serve):
    known, _ = hub_file(DATA)
    with pytest.raises(InputError, match="put the file at .*tiny.pth"):
        get_official(known, serve({}).opener)


def test_all_networks_that_measure_have_addresses_and_names_of_their_own():
    known = PRETRAINED.values()
    assert len({each.file for each in known}) == len({each.address for each in known}) == len(known)
    assert all(each.address.startswith("https://") and each.terms for each in known)
    assert all(each.sha256 for each in known if not each.address.startswith(HUB))  # nobody else vouches for these


def test_the_list_names_each_with_its_terms(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    for name, known in {**CHECKPOINTS, **REPOSITORIES, **PRETRAINED}.items():
        assert name in told and known.terms in told


def test_a_wrong_name_is_told_the_nearest(capsys):
    assert main(["get", "dynamicrafter256"]) == 2
    assert "did you mean 'dynamicrafter-256'" in capsys.readouterr().err


@pytest.mark.parametrize("name", REPOSITORIES)
def test_what_is_fetched_is_what_the_option_loads(name):
    option = yaml.safe_load((CONF / "guidance" / f"{REPOSITORIES[name].option}.yaml").read_text())
    assert option["model"] == REPOSITORIES[name].repository


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_every_checkpoint_is_of_a_known_size_and_option(name):
    known = CHECKPOINTS[name]
    assert name == f"dynamicrafter-{known.size}" and known.size in SIZES
    assert (CONF / "guidance" / f"{known.option}.yaml").exists()


def test_numbers_may_come_again_where_there_are_too_many_to_draw():
    few, all_ = random_tensor("a.bias", (10,), distinct=4), random_tensor("a.bias", (10,))
    assert torch.equal(few[:4], few[4:8]) and torch.equal(few[:4], random_tensor("a.bias", (4,)))
    assert len(all_.unique()) == 10
