"""A GPU whose memory ends, played by parts that raise what torch raises then."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from to4d.errors import AUTOENCODER, NETWORK, RENDERING, InputError
from to4d.geometry import orbit
from to4d.guidance.dynamicrafter.autoencoder import KlEncoder
from to4d.guidance.dynamicrafter.prior import DynamiCrafter
from to4d.guidance.dynamicrafter.unet import UNet
from to4d.model.hash4d import Hash4D
from to4d.model.static import StaticField
from to4d.render import volume
from to4d.runs.out_of_memory import advice
from to4d.runs.run import run
from to4d.types import Prompt

CONF = Path(__file__).parents[1] / "conf"


def config(out, *overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        settings = [f"out={out}", "prompt=a plant blooming", "cache=false", "export=[]", "callbacks=[]", "logger=[]"]
        small = ["phase=[static]", "steps.static=1", "phase.static.views=1", "metrics.views.size=16"]
        return compose("train", [*settings, *small, "guidance=dynamicrafter", *overrides])


def full(*args, **kwargs):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_a_run_that_does_not_fit_names_its_phase_and_the_settings_that_make_it_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(volume, "composite", full)
    with pytest.raises(InputError, match=f"{RENDERING}.*phase static") as raised:
        run(config(tmp_path / "run"))
    settings = ("renderer.recompute=true", "renderer.chunk=65536", "131072", "memory=24g")
    assert all(setting in str(raised.value) for setting in settings)


def test_a_run_goes_on_with_less_memory_in_the_same_folder_but_not_with_another_precision(tmp_path):
    run(config(tmp_path / "run"))
    (tmp_path / "run" / "metrics.json").unlink()
    with pytest.raises(InputError, match=r" guidance\.precision"):
        run(config(tmp_path / "run", "guidance.precision=bfloat16"))
    run(config(tmp_path / "run", "renderer.chunk=999", "renderer.recompute=true", "guidance.chunk=3"))


SETTINGS = {
    "renderer": {"chunk": 2, "recompute": True},
    "guidance": {"chunk": 1, "precision": "float32", "autoencoder_precision": "bfloat16"},
}


def refused(call):
    with pytest.raises(torch.OutOfMemoryError) as error:
        call()
    return advice(error.value, SETTINGS, "dynamic")


def test_settings_that_are_as_low_as_they_go_are_not_named(monkeypatch):
    monkeypatch.setattr(KlEncoder, "forward", full)
    prior = DynamiCrafter("tiny")
    text = refused(lambda: prior.encode(torch.zeros(1, 16, 64, 64, 3)))
    assert AUTOENCODER in text and "phase dynamic" in text and "guidance.precision=bfloat16" in text
    assert "guidance.chunk=" not in text and "autoencoder_precision" not in text


def test_a_network_that_does_not_fit_is_distinguished_from_its_autoencoder(monkeypatch):
    monkeypatch.setattr(UNet, "forward", full)
    prior = DynamiCrafter("tiny")
    condition = prior.condition(torch.zeros(1, 64, 64, 3), Prompt("a plant blooming", "plant"))
    text = refused(lambda: prior.denoise(torch.zeros(1, 4, 16, 8, 8), 5, condition, 1.0))
    assert NETWORK in text and "phase dynamic" in text and "guidance.precision=bfloat16" in text


def test_memory_that_ends_when_a_clip_is_drawn_again_is_that_of_drawing(monkeypatch):
    renderer = volume.VolumeRenderer(Hash4D(StaticField(levels=2, log2_rows=8), 2, 8, 4, 8, 2, 4), 32, recompute=True)
    rendered = renderer(orbit(torch.zeros(1), 0.0, 3.0, 40.0, (4, 4)), torch.zeros(2), normals=False)
    monkeypatch.setattr(volume, "composite", full)
    assert RENDERING in refused(lambda: rendered.rgb.sum().backward())


def test_memory_that_ends_in_the_gradient_names_all_that_helps():
    text = advice(torch.OutOfMemoryError("full"), SETTINGS | {"renderer": {"chunk": 64, "recompute": False}}, "refine")
    for turn in ("renderer.recompute=true", "renderer.chunk=32 (now 64)", "guidance.precision=bfloat16"):
        assert turn in text
