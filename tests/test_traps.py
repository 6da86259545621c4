"""What is known to go wrong with this method and its prior (docs/dynamicrafter.md lists all, with their tests)."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from to4d.callbacks.follow_occupancy import FollowOccupancy
from to4d.geometry import orbit
from to4d.model.hash4d import Hash4D
from to4d.model.static import StaticField
from to4d.render.occupancy import Occupancy
from to4d.render.volume import VolumeRenderer
from to4d.runs.run import build_scene

ROOT = Path(__file__).parents[1]
SMALL = ["steps.dynamic=10", "phase.dynamic.lens.size=[24,24]", "renderer.samples=48", "renderer.resolution=16"]


def recipe(*settings):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", ["out=x", "prompt=a plant blooming", "experiments=3to4d", *settings])


@pytest.fixture(scope="module")
def phase():
    cfg = recipe("+tiny='true'", *SMALL)
    phase = instantiate(cfg.phase.dynamic, name="dynamic", scene=build_scene(cfg, instantiate(cfg.object)), seed=0)
    phase.log_step = lambda **values: None
    phase.configure_optimizers()
    return phase.train()


def gradients(phase):
    phase.zero_grad()
    phase.training_step().backward()
    return {name: p.grad.clone() for name, p in phase.renderer.field.named_parameters()}


def noted(call, calls):
    """The same call, which notes arguments and answer."""

    def note(*args, **kwargs):
        calls.append((args, answer := call(*args, **kwargs)))
        return answer

    return note


@pytest.fixture(scope="module")
def step(phase):
    """The gradients of a step, and what its parts were asked and said."""
    prior, calls = phase.prior, {}
    parts = {name: (prior, name) for name in ("encode", "condition", "denoise")}
    parts |= {"draw": (phase.renderer, "forward"), "mesh": (phase.reference, "forward")}
    parts |= {"text": (prior.networks.text, "forward")}
    with pytest.MonkeyPatch.context() as patch:
        for part, (owner, name) in parts.items():
            patch.setattr(owner, name, noted(getattr(owner, name), calls.setdefault(part, [])))
        return gradients(phase), calls


def test_a_clip_has_one_camera_and_the_prior_is_shown_the_mesh_from_there(step):
    (cameras, times), clip = step[1]["draw"][0]
    (of_mesh, _), mesh = step[1]["mesh"][0]
    (still, _), _ = step[1]["condition"][0]
    assert cameras is of_mesh and len(cameras.pose) == 1 and len(times) == 16
    assert torch.equal(still, mesh.rgb[:, 0]) and torch.equal(step[1]["encode"][0][0][0], clip.rgb)
    assert torch.equal(clip.rgb[0, 0, 0, 0], torch.ones(3)) and torch.equal(still[0, 0, 0], torch.ones(3))  # white both


def test_the_prior_is_told_the_prompt_and_nothing_else(step):
    (_, prompt), _ = step[1]["condition"][0]
    assert (prompt.text, prompt.noun, prompt.negative) == ("a plant blooming", "plant", "")


def test_no_gradient_runs_through_the_network_but_through_the_autoencoder(step):
    _, latents = step[1]["encode"][0]
    _, guess = step[1]["denoise"][0]
    assert latents.requires_grad and not guess.clean.requires_grad and not guess.attention.requires_grad


def test_words_are_read_once_and_stills_at_every_step(phase, step):
    assert len(step[1]["text"]) == 2  # the prompt, and no words
    read, calls = phase.prior.networks.text.forward, []
    phase.prior.networks.text.forward = lambda *args: calls.append(args) or read(*args)
    other = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(0))
    a, b = (phase.prior.condition(still, phase.prompt) for still in (other, other.flip(1)))
    assert not calls and torch.equal(a.text, b.text)
    assert not torch.allclose(a.still, b.still) and not torch.allclose(a.image, b.image)


def test_a_step_in_pieces_has_the_gradients_of_a_step_in_one(phase, step):
    """The whole way: pixels in chunks that are drawn again, frames in chunks through the autoencoder."""
    phase.renderer.recompute, phase.renderer.chunk, phase.prior.chunk = True, 1000, 3
    pieces = gradients(phase)
    for name, whole in step[0].items():
        assert (whole != 0).any()
        assert torch.allclose(pieces[name], whole, atol=1e-4 * float(whole.abs().max())), name


def test_the_prior_sleeps_learns_nothing_and_is_in_no_checkpoint(phase, step):
    assert phase.training and not any(module.training for module in phase.prior.modules())
    assert not any(p.requires_grad for p in phase.prior.parameters())
    assert set(phase.state_dict()) == set(phase.renderer.state_dict())
    assert sum(x.numel() for x in phase.state_dict().values()) < 1e6


def test_the_optimiser_is_the_field_s_own_and_nothing_is_trained_in_half_precision(phase):
    optimiser = phase.configure_optimizers()["optimizer"]
    assert optimiser.defaults["eps"] == 1e-15 and optimiser.defaults["betas"] == (0.9, 0.99)
    trained = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert trained == {id(p) for p in phase.renderer.field.parameters()}
    cfg = recipe("guidance.precision=bfloat16")
    assert cfg.trainer.precision == "32-true" and cfg.guidance.guidance_rescale == 0


def test_a_view_of_nothing_has_a_gradient_of_nothing():
    renderer = VolumeRenderer(Hash4D(StaticField(levels=2, log2_rows=8), 2, 8, 4, 8, 2, 4), samples=32, recompute=True)
    renderer.occupancy.from_points(torch.tensor([[0.9, 0.9, 0.9]]))
    rendered = renderer(orbit(torch.zeros(1), -80.0, 3.0, 5.0, (8, 8)), torch.zeros(2), normals=False)
    (rendered.rgb.sum() + rendered.opacity.sum()).backward()
    assert all(p.grad is None or not p.grad.any() for p in renderer.field.parameters())


def test_an_occupancy_hides_nothing_before_it_was_told_and_is_told_before_the_first_step():
    assert Occupancy(resolution=8, bins=2).bits.all()
    updates = []
    renderer = SimpleNamespace(update=lambda random: updates.append(1))
    phase = SimpleNamespace(seed=0, name="static", renderer=renderer)
    for number, count in ((0, 1), (1, 1), (15, 1), (16, 2)):
        FollowOccupancy(every=16).on_train_batch_start(SimpleNamespace(global_step=number), phase, 0, 0)
        assert len(updates) == count


def test_the_largest_noise_can_be_lowered_against_copies_of_the_still():
    cfg = recipe("distillation.t_max.start=0.9", "distillation.t_max.end=0.9", "guidance_query.first_frame_noise=0.3")
    distil = instantiate(cfg.distillation)
    assert distil.t_max(0.5) == 0.9 and distil.guidance_query.first_frame_noise == 0.3


def test_every_trap_of_the_list_has_its_tests():
    page = (ROOT / "docs" / "dynamicrafter.md").read_text().split("## Traps")[1]
    named = set(re.findall(r"`(test_\w+)`", page))
    source = "\n".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert len(named) > 30 and not {name for name in named if f"def {name}(" not in source}
