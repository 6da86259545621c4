"""Downloads of weights: what breaks goes on, what is damaged is not kept, and priors find what was fetched."""

import hashlib
import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
import yaml
from file_server import FileServer, serving
from test_dynamicrafter_checkpoint import plain, schedule, shapes_of

from to4d.disk.folders import weights_folder
from to4d.errors import InputError
from to4d.guidance.dynamicrafter.official_checkpoint import convert_checkpoint
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.guidance.random_weights import random_tensor
from to4d.metrics.networks.pretrained_files import HUB, PRETRAINED, PretrainedFile
from to4d.weights.__main__ import main
from to4d.weights.dynamicrafter import get_dynamicrafter
from to4d.weights.hub_models import DIFFUSERS, DYNAMICRAFTER, DynamiCrafterModel
from to4d.weights.metric_networks import get_network

CONF = Path(__file__).parents[1] / "conf"
DATA = bytes(range(256)) * 4000
MODEL = DynamiCrafterModel("Someone/Tiny", "tiny", "dynamicrafter", "tiny")
CKPT = "/Someone/Tiny/resolve/main/model.ckpt"
ON_HUB = PretrainedFile(f"{HUB}Someone/Tiny/resolve/main/tiny.pth", "tiny.pth", "tiny", "free")
PTH = "/Someone/Tiny/resolve/main/tiny.pth"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def serve():
    with ExitStack() as stack:
        yield lambda files, **settings: stack.enter_context(serving(files, **settings))


@pytest.fixture
def hub(serve, monkeypatch):
    def start(files, **settings) -> FileServer:
        server = serve(files, **settings)
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 500)  # of 10 MB, smaller than these files
        return server

    return start


def test_a_broken_connection_goes_on_where_it_stopped(hub):
    server = hub({PTH: DATA}, breaks=[1000, 500_000])
    assert get_network(ON_HUB) == ON_HUB.path and ON_HUB.path.read_bytes() == DATA
    assert server.asked == [0, 1000, 501_000]
    assert {path.name for path in ON_HUB.path.parent.iterdir()} == {"tiny.pth", "tiny.lock"}


def test_a_later_command_goes_on_too_and_a_third_needs_no_network(hub):
    server = hub({PTH: DATA}, breaks=[1000], then_gone=True)
    with pytest.raises(InputError, match=str(ON_HUB.path)):
        get_network(ON_HUB)
    assert not ON_HUB.path.exists()
    server = hub({PTH: DATA})
    assert get_network(ON_HUB).read_bytes() == DATA and server.asked == [1000]
    server = hub({})
    assert get_network(ON_HUB) == ON_HUB.path and server.asked == []


def test_a_large_file_that_the_hub_keeps_elsewhere_goes_on_there(hub):
    server = hub({}, breaks=[1000])
    place = f"-> http://localhost:{server.server_port}/elsewhere".encode()
    server.files |= {PTH: place, f"{PTH} as stated": DATA, "/elsewhere": DATA}
    assert get_network(ON_HUB).read_bytes() == DATA and server.asked == [0, 1000]


def test_a_server_without_ranges_starts_again(hub):
    server = hub({PTH: DATA}, ranges=False, breaks=[1000])
    assert get_network(ON_HUB).read_bytes() == DATA and server.asked == [0, 1000]


def test_a_beginning_of_another_file_is_not_gone_on_with(hub):
    hub({PTH: DATA}, breaks=[1000], then_gone=True)
    with pytest.raises(InputError):
        get_network(ON_HUB)
    other = DATA[::-1]
    server = hub({PTH: other})
    assert get_network(ON_HUB).read_bytes() == other and server.asked == [0]


def test_what_the_hub_stated_otherwise_is_refused_and_not_kept(hub):
    hub({PTH: DATA[:-1] + b"!", f"{PTH} as stated": DATA})
    with pytest.raises(InputError, match=hashlib.sha256(DATA).hexdigest()):
        get_network(ON_HUB)
    assert [path.name for path in ON_HUB.path.parent.iterdir()] == ["tiny.lock"]


def test_a_file_that_the_hub_does_not_have_is_not_asked_for_again_and_again(hub):
    server = hub({})
    with pytest.raises(InputError, match="404"):
        get_network(ON_HUB)
    assert server.asked == []


def elsewhere(server, data):
    return PretrainedFile(f"{server.url}/tiny.pth", "tiny.pth", "tiny", "free", hashlib.sha256(data).hexdigest())


def test_another_file_than_the_known_one_is_refused_whether_it_is_sent_or_lies_here(serve):
    server = serve({"/tiny.pth": DATA[::-1]})
    known = elsewhere(server, DATA)
    with pytest.raises(InputError, match=known.sha256):
        get_network(known)
    assert not known.path.exists()
    known.path.write_bytes(b"put here by hand")
    with pytest.raises(InputError, match=known.sha256):
        get_network(known)
    assert known.path.read_bytes() == b"put here by hand"
    known.path.write_bytes(DATA)
    assert get_network(known) == known.path and server.asked == [0]


def test_a_known_file_is_fetched_from_other_hosts_than_the_hub(serve):
    server = serve({"/tiny.pth": DATA})
    assert get_network(elsewhere(server, DATA)).read_bytes() == DATA


def test_where_the_hub_cannot_be_reached_the_place_for_the_file_is_told(serve):
    known = elsewhere(serve({}), DATA)
    with pytest.raises(InputError, match=str(known.path)):
        get_network(known)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkpoint of the tiny model: its tensors, and the pickle's bytes."""
    state = {name: random_tensor(name, shape, seed=1) for name, shape in shapes_of("tiny").items()}
    path = tmp_path_factory.mktemp("made") / "made.ckpt"
    torch.save(plain(state | schedule("tiny")), path)
    return state, path.read_bytes()


def get(halved=False):
    return get_dynamicrafter("dynamicrafter-tiny", MODEL, halved)


def test_dynamicrafter_finds_what_was_fetched(hub, made, monkeypatch):
    state, pickled = made
    hub({CKPT: pickled}, breaks=[10**6])
    path = get()
    folder = {p.name for p in path.parent.iterdir()} - {"dynamicrafter-tiny.lock"}
    assert folder == {"dynamicrafter-tiny.safetensors", "dynamicrafter-tiny.json"}  # the pickle is gone
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(pickled).hexdigest()
    assert record["safetensors_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    hub({})
    assert get() == path  # without a network
    path.rename(path.with_name("dynamicrafter-256.safetensors"))
    monkeypatch.setitem(SIZES, "256", SIZES["tiny"])
    assert torch.equal(DynamiCrafter("256").networks.resampler.latents, state["image_proj_model.latents"])


def test_a_checkpoint_put_at_its_place_by_hand_is_converted_without_a_network(hub, made):
    server, place = hub({}), weights_folder() / "dynamicrafter-tiny.ckpt"
    with pytest.raises(InputError, match=str(place)):
        get()
    place.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=str(place)):
        get()
    assert not list(place.parent.glob("*.safetensors"))
    place.write_bytes(made[1])
    assert get().exists() and server.asked == []


def test_another_file_than_the_first_time_is_refused_before_it_is_fetched(hub):
    record = weights_folder() / "dynamicrafter-tiny.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"sha256": "0" * 64}))
    server = hub({CKPT: b"another"})
    with pytest.raises(InputError, match="0" * 64):
        get()
    assert server.asked == []


def test_a_checkpoint_of_another_size_is_not_converted(made, tmp_path):
    (tmp_path / "tiny.ckpt").write_bytes(made[1])
    with pytest.raises(InputError, match=r"guidance\.size"):
        convert_checkpoint(tmp_path / "tiny.ckpt", tmp_path / "out.safetensors", size="tiny_velocity")
    assert not (tmp_path / "out.safetensors").exists()


def test_too_small_a_disk_is_found_out_before(hub):
    server = hub({CKPT: b"large"}, announced=10**15)
    with pytest.raises(InputError, match="GB"):
        get()
    assert server.asked == []


def cached_pipeline(cache: Path, repository: str, components: tuple[str, ...]) -> Path:
    """A folder as the hub's cache keeps a pipeline of `unet` and `vae`; these of its components are there."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0" * 40)
    for name in components:
        (snapshot / name).mkdir(parents=True)
    index = {"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"], "safety_checker": [None, None]}
    (snapshot / "model_index.json").write_text(json.dumps(index))
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "blobs").mkdir()
    return folder


def listed_as_here(capsys) -> set[str]:
    assert main(["list"]) == 0
    return set(re.findall(r"^(\S+) \(here\)", capsys.readouterr().out, re.M))


def test_the_list_tells_which_pipelines_the_hubs_cache_holds(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert listed_as_here(capsys) == set()
    whole = cached_pipeline(tmp_path, DIFFUSERS["wan"].repository, ("unet", "vae"))
    cached_pipeline(tmp_path, DIFFUSERS["ltx"].repository, ("unet",))
    assert listed_as_here(capsys) == {"wan"}
    (whole / "blobs" / "abc.incomplete").touch()
    assert listed_as_here(capsys) == set()


def test_the_list_tells_which_files_are_here(capsys):
    for path in (weights_folder() / "dynamicrafter-512.safetensors", PRETRAINED["raft"].path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert {"dynamicrafter-512", "raft"} <= listed_as_here(capsys)


def test_all_networks_that_measure_have_addresses_and_names_of_their_own():
    known = PRETRAINED.values()
    assert len({each.file for each in known}) == len({each.address for each in known}) == len(known)
    assert all(each.address.startswith("https://") and each.license for each in known)
    assert all(
        len(each.sha256 or "") == 64 for each in known if not each.address.startswith(HUB)
    )  # nobody else vouches for these


def test_the_list_names_each_with_its_terms(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    terms = {name: model.terms for name, model in {**DYNAMICRAFTER, **DIFFUSERS}.items()}
    terms |= {name: network.license for name, network in PRETRAINED.items()}
    assert all(name in printed and text in printed for name, text in terms.items())


def test_a_wrong_name_is_answered_with_the_nearest(capsys):
    assert main(["get", "dynamicrafter256"]) == 2
    assert "'dynamicrafter-256'" in capsys.readouterr().err


@pytest.mark.parametrize("name", DIFFUSERS)
def test_what_is_fetched_is_what_the_option_loads(name):
    option = yaml.safe_load((CONF / "guidance" / f"{DIFFUSERS[name].option}.yaml").read_text())
    assert option["model"] == DIFFUSERS[name].repository


@pytest.mark.parametrize("name", DYNAMICRAFTER)
def test_every_checkpoint_is_of_a_known_size_and_option(name):
    known = DYNAMICRAFTER[name]
    assert name == f"dynamicrafter-{known.size}" and known.size in SIZES
    assert (CONF / "guidance" / f"{known.option}.yaml").exists()


def test_numbers_may_come_again_where_there_are_too_many_to_draw():
    few, all_ = random_tensor("a.bias", (10,), distinct=4), random_tensor("a.bias", (10,))
    assert torch.equal(few[:4], few[4:8]) and torch.equal(few[:4], random_tensor("a.bias", (4,)))
    assert len(all_.unique()) == 10
