"""No tensor is left behind where a run is on a GPU: whole steps on a simulated one (pretend_gpu.py)."""

from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from pretend_gpu import GPU, OnGpu, Pretend, moved
from test_pipeline import ROOT, TINY

from to4d.phases import Phase
from to4d.runs.build import build_phases, build_scene
from to4d.runs.rig_file import make_rig


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.cat([x, torch.zeros(1)]),
        lambda x: torch.zeros(9)[x.long()],
        lambda x: x.numpy(),
        lambda x: torch.rand(3, device=x.device, generator=torch.Generator()),
        lambda x: x.uniform_(generator=torch.Generator()),
        lambda x: x @ x.cpu(),
    ],
)
def test_the_pretended_gpu_refuses_what_a_real_one_does(mistake):
    with Pretend(), pytest.raises((RuntimeError, TypeError), match="GPU|CPU"):
        mistake(torch.ones(3, device="cuda"))


def test_what_stays_there_is_there():
    with Pretend():
        x = torch.arange(3.0).to("cuda")
        for y in (
            x + 1,
            x[:2],
            2.0 * x,
            x + torch.tensor(2.0),
            torch.zeros_like(x),
            torch.ones(2).to(x),
            x.chunk(3)[0],
        ):
            assert y.device == GPU and y.is_cuda
        assert x[torch.tensor([0, 2])].is_cuda and not x.cpu().is_cuda and torch.ones(1).device.type == "cpu"


MINI = [setting for setting in TINY if not setting.startswith("distillation.")]  # sds has no steps
MESH = [setting for setting in MINI if not setting.startswith("renderer.")] + ["model=nodes", "renderer=mesh"]


@pytest.mark.parametrize(
    "settings",
    [
        MINI,
        [*MINI, "model=nodes", "noise=view_consistent"],
        [*MESH, "sds_weight=1"],
        [*MINI, "model=bones", "rig=found", "sds_weight=1", "renderer.samples=8"],
        [*MINI, "experiments=[hash4d]", "mask=smoothed"],
        [*MINI, "experiments=[sds,text_to_video]", "mask=text_token"],
        pytest.param(["experiments=[3to4d]", "+tiny='true'"], marks=pytest.mark.slow),
    ],
)
def test_whole_steps_and_what_looks_at_them_leave_no_tensor_behind(tmp_path, monkeypatch, settings):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", ["prompt=a plant blooming", f"out={tmp_path}", *settings])
    mesh = instantiate(cfg.object)
    scene = build_scene(cfg, mesh, make_rig(cfg, mesh) if "rig=found" in settings else None)
    phases = build_phases(cfg, scene)
    trainer = SimpleNamespace(global_step=0, loggers=[])
    monkeypatch.setattr(Phase, "device", GPU)
    monkeypatch.setattr(Phase, "global_step", 0)
    monkeypatch.setattr(Phase, "log_dict", lambda *_: None)
    callbacks = instantiate(cfg.callbacks)
    for phase in phases.values():
        moved(phase)
        with Pretend():
            phase.configure_optimizers()
            callbacks.occupancy.on_train_batch_start(trainer, phase, 0, 0)
            loss = phase.training_step()
            callbacks.multiview.show(trainer, phase)
        assert isinstance(loss, OnGpu) and loss.isfinite()
        loss.as_subclass(torch.Tensor).backward()
        assert any(p.grad is not None and p.grad.any() for p in scene.renderer.field.parameters())
