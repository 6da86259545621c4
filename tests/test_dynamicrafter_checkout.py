"""Every part of DynamiCrafter answers, and is built, as the official code is that TO4D_LVDM names."""

import pytest
import torch
from dynamicrafter_answers import NOISY, PROMPT, STILL, expected, golden, official, ours, shapes_of
from upstream_lvdm import (
    autoencoder_config,
    difference,
    official_config,
    official_model,
    official_parts,
    resampler_config,
    upstream,
)

from to4d.guidance.dynamicrafter.lvdm import lvdm_settings
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.official_checkpoint import SCHEDULE, canonical_keys, load_networks, unused_keys
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.sizes import SIZES

NAMES = sorted(golden())
KEYS = {"256": "dda89232a5219036", "512": "a162d72a3871e9e7", "1024": "a162d72a3871e9e7"}  # digests of keys and shapes

upstream()


@pytest.fixture(scope="module")
def mine():
    return ours()


@pytest.fixture(scope="module")
def theirs():
    return official()


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_the_official_code_gives(mine, theirs, name):
    assert mine[name].shape == theirs[name].shape
    assert difference(mine[name], theirs[name]) < 1e-4


@pytest.mark.parametrize("size", ["256", "512", "1024"])
def test_the_full_model_has_the_official_keys_and_shapes(size, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_, **__: module)  # open_clip moves what has no memory
    with torch.device("meta"):
        parts = official_parts(SIZES[size])
    keys = {prefix + name: shape for prefix, part in parts.items() for name, shape in shapes_of(part).items()}
    assert keys == expected(size)


@pytest.mark.parametrize("kind", ["tiny", "tiny_velocity"])
def test_a_checkpoint_that_the_official_code_writes_loads_strictly(kind):
    state = canonical_keys({"state_dict": official_model(SIZES[kind]).state_dict()})
    networks = DynamiCrafterNetworks(SIZES[kind])
    load_networks(networks, state, SIZES[kind])
    assert all(torch.equal(value, state[name]) for name, value in networks.state_dict().items())
    beside = set(state) - set(networks.state_dict()) - set(unused_keys(shapes_of(networks)))
    assert beside == SCHEDULE - (set() if kind == "tiny_velocity" else {"scale_arr"})


@pytest.mark.parametrize("name", ["256", "512", "1024"])
def test_sizes_are_those_of_the_official_configurations(name):
    size, theirs = SIZES[name], official_config(name)
    unet, defaults = theirs["unet_config"]["params"], {"image_cross_attention_scale_learnable": False}
    mine = lvdm_settings(size.unet, size.frames) | {"use_checkpoint": True, "default_fs": size.pace}
    assert defaults | unet == {key: mine[key] for key in defaults | unet}
    first = theirs["first_stage_config"]["params"]
    assert first["ddconfig"] == autoencoder_config(size.autoencoder)["ddconfig"]
    assert theirs["image_proj_stage_config"]["params"] == resampler_config(size.resampler, size.frames)
    assert theirs.get("parameterization", "eps") == ("v" if size.velocity else "eps")
    assert theirs.get("rescale_betas_zero_snr", False) == size.velocity
    assert theirs.get("base_scale", 1.0) == size.base_scale
    assert [8 * side for side in theirs["image_size"]] == list(size.resolution)
    assert (theirs["linear_start"], theirs["linear_end"], theirs["scale_factor"]) == (0.00085, 0.012, 0.18215)


@pytest.mark.parametrize("kind", ["tiny", "tiny_velocity"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_official_u_net_can_take_the_place_of_ours(kind, precision):
    upstream()
    priors = [DynamiCrafter(kind, precision=precision, implementation=name) for name in ("ours", "lvdm")]
    assert len(list(priors[0].parameters())) == len(list(priors[1].parameters()))  # in place of ours, not beside it
    for prior in priors:
        prior.size = tuple(STILL.shape[1:3])
        assert not prior.train().networks.unet.training
    conditions = [prior.condition(STILL, PROMPT) for prior in priors]
    mine, theirs = (p.denoise(NOISY, 400, c, 7.5) for p, c in zip(priors, conditions, strict=True))
    tolerance = 1e-4 if precision == "float32" else 0.15
    assert difference(mine.clean, theirs.clean) < tolerance
    assert difference(mine.attention, theirs.attention) < tolerance
    for maps, their_maps in zip(mine.attention_maps, theirs.attention_maps, strict=True):
        assert difference(maps.image, their_maps.image) < tolerance and maps.noun.shape == their_maps.noun.shape
