"""DynamiCrafter's official checkpoints load strictly, in every form, and nothing else does."""

import pickle
import re
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from to4d.errors import InputError
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.official_checkpoint import (
    COPIED,
    COPY,
    canonical_keys,
    check_checkpoint,
    convert_checkpoint,
    load_networks,
    read_checkpoint,
    unused_keys,
)
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.schedule import clip_scale, trained_share
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.guidance.random_weights import random_tensor


def shapes_of(size):
    return {name: tuple(value.shape) for name, value in DynamiCrafterNetworks(SIZES[size]).state_dict().items()}


def schedule(size):
    shape = SIZES[size]
    tables = {"alphas_cumprod": trained_share(shape.velocity).float(), "betas": torch.rand(1000)}
    return tables | ({"scale_arr": clip_scale(shape.base_scale).float()} if shape.velocity else {})


@pytest.fixture(scope="module")
def tiny():
    """All that a Lightning checkpoint of our tiny model holds."""
    shapes = shapes_of("tiny")
    return {n: random_tensor(n, s, seed=1) for n, s in (shapes | unused_keys(shapes)).items()} | schedule("tiny")


def old_names(state):
    """As the checkpoint of 256 has them."""
    return {name.replace("fps_embedding", "framestride_embed"): value for name, value in state.items()}


def plain(state):
    return {"state_dict": old_names(state), "epoch": 7, "global_step": 100}


def deepspeed(state):
    return {
        "module": {f"_forward_module.{name}": value for name, value in old_names(state).items()},
        "dp_world_size": 8,
    }


@pytest.mark.parametrize("form", [plain, deepspeed, dict])
def test_every_published_form_loads(tiny, form):
    networks = DynamiCrafterNetworks(SIZES["tiny"])
    load_networks(networks, canonical_keys(form(tiny)), SIZES["tiny"])
    assert all(torch.equal(value, tiny[name]) for name, value in networks.state_dict().items())


@pytest.mark.parametrize("size", ["256", "512", "1024"])
@pytest.mark.parametrize("form", [plain, deepspeed])
def test_a_full_checkpoint_is_known_to_the_last_key(size, form):
    shapes = shapes_of(size)
    with torch.device("meta"):
        state = {name: torch.empty(shape) for name, shape in (shapes | unused_keys(shapes)).items()}
    networks = DynamiCrafterNetworks(SIZES[size])
    load_networks(networks, canonical_keys(form(state | schedule(size))), SIZES[size])
    assert sum(p.numel() for p in networks.parameters()) + 51_723_265 == sum(x.numel() for x in state.values())


def test_a_missing_an_unknown_and_a_misshapen_key_are_refused(tiny):
    name, size = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.alpha", SIZES["tiny"]
    lacking = {key: value for key, value in tiny.items() if key != name}
    for state, key in (
        (lacking, name),
        (tiny | {"model.more": torch.zeros(1)}, "model.more"),
        (tiny | {name: torch.zeros(3)}, name),
    ):
        with pytest.raises(InputError, match=rf"{re.escape(key)} .*guidance\.size"):
            check_checkpoint(state, shapes_of("tiny"), size)


def test_a_checkpoint_of_another_size_is_refused():
    shapes = shapes_of("512")
    with torch.device("meta"):
        state = {name: torch.empty(shape) for name, shape in shapes.items()}
    check_checkpoint(state | schedule("512"), shapes, SIZES["512"])
    with pytest.raises(InputError, match=r"guidance\.size"):
        check_checkpoint(state | schedule("512"), shapes_of("256"), SIZES["256"])
    with pytest.raises(InputError, match="scale_arr"):  # the same keys: only the schedule tells
        check_checkpoint(state | schedule("512"), shapes_of("1024"), SIZES["1024"])
    with pytest.raises(InputError, match="alphas_cumprod"):
        check_checkpoint(state | {"alphas_cumprod": schedule("256")["alphas_cumprod"]}, shapes, SIZES["512"])


def test_a_pickle_is_converted_once_and_training_reads_the_result(tiny, tmp_path):
    torch.save(plain(tiny), tmp_path / "model.ckpt")
    command = [sys.executable, "-m", "to4d.guidance.dynamicrafter.official_checkpoint"]
    subprocess.run([*command, tmp_path / "model.ckpt", tmp_path / "out.safetensors"], check=True, capture_output=True)
    state = read_checkpoint(tmp_path / "out.safetensors")
    assert set(tiny) - set(state) == {COPY + name for name in COPIED}
    assert all(torch.equal(state[name], tiny[name]) for name in state)


def test_a_converted_file_can_be_halved_but_keeps_its_schedule(tiny, tmp_path):
    torch.save(plain(tiny), tmp_path / "model.ckpt")
    convert_checkpoint(tmp_path / "model.ckpt", tmp_path / "half.safetensors", torch.bfloat16)
    state = load_file(tmp_path / "half.safetensors")
    assert state["image_proj_model.latents"].dtype is torch.bfloat16
    assert torch.equal(state["alphas_cumprod"], tiny["alphas_cumprod"])


def test_training_opens_no_pickle(tiny, tmp_path):
    torch.save(plain(tiny), tmp_path / "model.ckpt")
    with pytest.raises(InputError, match="python -m to4d.guidance.dynamicrafter.official_checkpoint"):
        read_checkpoint(tmp_path / "model.ckpt")


def test_converting_runs_no_code_from_the_pickle(tmp_path):
    torch.save({"state_dict": {"x": subprocess.run}}, tmp_path / "evil.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        convert_checkpoint(tmp_path / "evil.ckpt", tmp_path / "out.safetensors")


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.safetensors"):
        read_checkpoint(tmp_path / "nothing.safetensors")
    with pytest.raises(InputError, match=r"(?s)guidance\.weights.*python -m to4d\.weights get dynamicrafter-256"):
        DynamiCrafter("256")


def test_a_prior_of_weights_uses_them(tiny, tmp_path, monkeypatch):
    save_file(tiny, tmp_path / "tiny.safetensors")
    monkeypatch.setitem(SIZES, "256", SIZES["tiny"])
    prior = DynamiCrafter("256", weights=str(tmp_path / "tiny.safetensors"))
    assert torch.equal(prior.networks.resampler.latents, tiny["image_proj_model.latents"])
