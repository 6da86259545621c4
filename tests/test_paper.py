"""The paper's two recipes: what their configurations say, and that every part of their gradients arrives."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
from dry_run import phases_of_dry_run
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback
from omegaconf import OmegaConf

from to4d.disk.checkpoint import TreeIO
from to4d.runs.run import build_scene

ROOT = Path(__file__).parents[1]
RECIPES = ["3to4d", "3d24d"]


@cache
def composed(*overrides):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", ["out=somewhere", "object=gso/plant", "prompt=a plant blooming", *overrides])


def config(*overrides):
    return deepcopy(composed(*overrides))


def test_the_first_version_is_what_the_paper_states():
    cfg = config("experiments=3to4d")
    steps = {name: phase.steps for name, phase in cfg.phase.items()}
    assert steps == {"static": 2000, "dynamic": 10000, "refine": 3000}
    assert (cfg.guidance._target_.split(".")[-1], cfg.guidance.size) == ("DynamiCrafter", "256")
    assert cfg.time_sampler.frames == 16 and cfg.model._target_.endswith("Hash4D")
    assert cfg.distillation._target_.endswith("SDS") and cfg.sds_weight == 1 and cfg.flow_weight == 0
    for phase in (cfg.phase.dynamic, cfg.phase.refine):
        assert phase.static_weight == 1e4 and list(phase.lens.size) == [256, 256] and phase.regularizer_weight == 0
    assert cfg.phase.dynamic.camera_schedule._target_.endswith("Incremental")
    assert cfg.phase.dynamic.mask._target_.endswith("NoMask")
    assert cfg.phase.refine.camera_schedule._target_.endswith("Uniform") and cfg.phase.refine.mask.target == "noun"
    assert dict(cfg.phase.static.static_loss) | {"_target_": ""} == {
        "_target_": "", "rgb": 1.0, "depth": 1.0, "normal": 1.0, "opacity": 0.0,
    }  # fmt: skip


def test_the_incremental_schedule_widens_by_twenty_degrees_every_1111_steps():
    cfg = config("experiments=3to4d")
    schedule, steps = instantiate(cfg.camera_schedule), cfg.phase.dynamic.steps
    limits = [schedule.limit_deg(step / steps) for step in (0, 1111, 1112, 2223, 9999)]
    assert limits == [20.0, 20.0, 40.0, 60.0, 180.0]


def test_the_second_version_is_what_the_paper_states():
    cfg = config("experiments=3d24d")
    assert {name: phase.steps for name, phase in cfg.phase.items()} == {"static": 5000, "dynamic": 20000}
    assert cfg.phase.dynamic.noise._target_.endswith("ViewConsistentNoise")
    assert cfg.phase.dynamic.mask.target == "image" and list(cfg.phase.dynamic.mask.layers) == [0]


def test_the_two_versions_differ_where_the_paper_does():
    one, other = (OmegaConf.to_container(config(f"experiments={name}")) for name in RECIPES)
    for cfg in (one, other):
        cfg["phase"].pop("refine", None)
        cfg["phase"]["dynamic"].pop("mask")
    assert {key for key in one if one[key] != other[key]} == {"mask", "noise", "steps", "tags"}


class Watch(Callback):
    """Keeps the gradients of one step."""

    def on_before_optimizer_step(self, trainer, phase, optimizer):
        self.gradients = {name: p.grad.clone() for name, p in phase.renderer.field.named_parameters()}


def trainer(cfg, steps, *callbacks):
    return instantiate(cfg.trainer, max_steps=steps, logger=False, callbacks=list(callbacks), plugins=[TreeIO()])


def phases(cfg, *names):
    scene = build_scene(cfg, instantiate(cfg.object))
    return [instantiate(cfg.phase[name], name=name, scene=scene, seed=cfg.seed) for name in names]


@pytest.mark.parametrize(("recipe", "names"), [("3to4d", ["static", "dynamic", "refine"]), ("3d24d", ["dynamic"])])
def test_every_loss_reaches_every_part_of_the_field(recipe, names):
    """In the static phase L_static alone; afterwards L_I2V alone: the prior's gradient, through the autoencoder."""
    cfg = config(f"experiments={recipe}", "+tiny='true'")
    cfg.phase.dynamic.static_weight = 0.0  # refine takes its weight
    for phase in phases(cfg, *names):
        watch = Watch()
        trainer(cfg, 1, watch).fit(phase)
        assert len(watch.gradients) == 6  # static and dynamic table, two layers for density, two for colour
        for name, gradient in watch.gradients.items():
            assert torch.isfinite(gradient).all()
            assert (gradient != 0).any(), f"{phase.name}: {name} gets no gradient"


def test_a_phase_that_resumes_remembers_its_smoothed_mask(tmp_path):
    settings = ["mask.sectors=1", "sds_weight=1", "flow_weight=0", "steps.refine=2", "renderer.samples=64"]
    cfg = config("mask=smoothed", *settings)

    def after(steps, start=None, forget=False):
        (phase,) = phases(cfg, "refine")
        if forget:
            phase.on_load_checkpoint = lambda checkpoint: None
        run = trainer(cfg, steps)
        run.fit(phase, ckpt_path=start)
        run.save_checkpoint(tmp_path / f"after-{steps}")
        return {name: p.detach().clone() for name, p in phase.renderer.field.named_parameters()}

    whole, _ = after(2), after(1)
    resumed, forgetful = (after(2, tmp_path / "after-1", forget) for forget in (False, True))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert not all(torch.equal(whole[name], forgetful[name]) for name in whole)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_dry_run_of_a_recipe_goes_through_all_phases_in_three_minutes(recipe, tmp_path):
    names = {"static", "dynamic", "refine"} if recipe == "3to4d" else {"static", "dynamic"}
    assert phases_of_dry_run(recipe, tmp_path / "run") == names
