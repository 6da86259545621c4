"""The adapter of the embedded prior: which prompts it answers, what it may change, how it is trained."""

from copy import deepcopy
from dataclasses import replace
from functools import partialmethod
from shutil import copytree

import numpy as np
import pytest
import torch
from mini_clips import batch_of, clip_set
from safetensors import safe_open
from torch.nn.utils.parametrize import remove_parametrizations

from to4d.disk.files import sha256_of
from to4d.guidance.mini.adapter import ADAPTED_KINDS, SHIPPED, load_adapted_head, needs_adapter, select_head
from to4d.guidance.mini.head import MotionHead, TextEmbeddings
from to4d.guidance.mini.prior import MiniPrior
from to4d.guidance.mini.weights import SHIPPED as WEIGHTS
from to4d.types import Prompt, generator_at
from to4d_lab.data.clip_rendering import FRAMES, draw_clips
from to4d_lab.mini import fit_adapter
from to4d_lab.mini.evaluate import predict
from to4d_lab.mini.low_rank import RANK, give_corrections, save_corrections
from to4d_lab.mini.stage_head import flow_error
from to4d_lab.mini.trainer import Trainer
from to4d_lab.mini.training_config import TrainingConfig
from to4d_lab.mini.weight_files import save_weights


@pytest.fixture(scope="module")
def prior() -> MiniPrior:
    return MiniPrior()


@pytest.mark.parametrize(
    ("text", "noun", "answered"),
    [
        ("a mario dancing", "mario", True),
        ("the fish swims slowly", "fish", True),
        ("watch the cloth as it billows", "cloth", True),  # read as rippling
        ("a plant jumping", "plant", False),
        ("a horse jumps, then swims", "horse", False),
        ("a rocking horse swaying", "rocking horse", False),
        ("a flag waving", "flag", False),
        ("an unheardof thing", "thing", False),
    ],
)
def test_the_first_verb_of_motion_decides_who_answers(prior: MiniPrior, text, noun, answered):
    assert needs_adapter(prior.vocabulary.encode([text], [noun]), prior.vocabulary).tolist() == [answered]


def test_the_adapter_corrects_the_weights_of_the_package():
    with safe_open(SHIPPED, "pt") as file:
        assert file.metadata()["weights_sha256"] == sha256_of(WEIGHTS)  # else it has to be fitted again


def inputs(rows: int = 3) -> tuple:
    """What a head is asked, at random."""
    rng = generator_at(0, 0)
    words = TextEmbeddings(
        torch.randn(rows, 4, 160, generator=rng), torch.ones(rows, 4, dtype=torch.bool), torch.zeros(rows, 4)
    )
    evidence, image = (torch.randn(rows, *shape, generator=rng) for shape in ((FRAMES, 384), (147,)))
    return evidence, words, image, torch.zeros(rows), torch.ones(rows), torch.zeros(rows)


def test_each_row_is_answered_by_its_head():
    torch.manual_seed(0)
    one, other = MotionHead().eval(), MotionHead().eval()
    rows, asked = torch.tensor([True, False, True]), inputs()
    answers = [head(*asked) for head in (select_head(rows, one, other), one, other)]
    for both, first, second in zip(*answers, strict=True):
        assert torch.equal(both[rows], second[rows]) and torch.equal(both[~rows], first[~rows])


def test_corrections_begin_as_none_and_are_all_that_learns():
    torch.manual_seed(0)
    head = MotionHead().eval().requires_grad_(False)
    before = head(*inputs())[0]
    corrections = give_corrections(head)
    after = head(*inputs())[0]
    assert torch.equal(before, after)
    after.square().sum().backward()
    learning = {id(x) for each in corrections.values() for x in each.parameters()}
    assert all((x.grad is not None) == (id(x) in learning) for x in head.parameters())


def test_a_file_of_corrections_gives_the_head_that_was_trained(tmp_path):
    torch.manual_seed(0)
    head = MotionHead().eval().requires_grad_(False)
    trained = deepcopy(head)
    corrections = give_corrections(trained)
    with torch.no_grad():
        for each in corrections.values():
            each.up.normal_(std=0.05)
    path = save_corrections(corrections, tmp_path / "factors.safetensors", WEIGHTS)
    loaded = load_adapted_head(head, path)
    torch.testing.assert_close(loaded(*inputs())[0], trained(*inputs())[0], atol=2e-3, rtol=2e-3)  # half precision
    for name in corrections:
        remove_parametrizations(trained.get_submodule(name), "weight")
        change = trained.get_submodule(name).weight - head.get_submodule(name).weight
        assert torch.linalg.matrix_rank(change, rtol=1e-4) <= RANK
    assert not torch.equal(loaded.out.weight, head.out.weight)


def test_answers_to_no_prompt_and_to_other_prompts_are_those_of_the_net(prior: MiniPrior):
    still, noisy = torch.rand(1, 64, 64, 3), torch.randn(1, 8, 16, 16, 16, generator=generator_at(0, 1))
    ripple, jump = (prior.condition(still, Prompt(f"a toy {verb}", "toy")) for verb in ("rippling", "jumping"))
    assert jump.uses_adapter is None and ripple.uses_adapter.tolist() == [True, False]
    plain = replace(ripple, uses_adapter=None)
    forward = {
        scale: [prior.denoise(noisy, 900, each, scale).forward_flow for each in (ripple, plain)] for scale in (0.0, 1.0)
    }
    assert torch.equal(*forward[0.0])  # no prompt
    assert not torch.equal(*forward[1.0])


def test_weights_of_ones_own_are_not_corrected(prior: MiniPrior, tmp_path):
    own = MiniPrior(str(save_weights(prior.net, prior.vocabulary, tmp_path / "own.safetensors")))
    assert own.condition(torch.rand(1, 64, 64, 3), Prompt("a toy rippling", "toy")).uses_adapter is None


@pytest.mark.parametrize("kind", ADAPTED_KINDS)
def test_the_adapter_tells_more_of_its_motions_on_objects_it_never_saw(prior: MiniPrior, kind: str):
    clips = clip_set([draw_clips(np.random.default_rng([31, row]), {}, True, kind)[0] for row in range(12)])
    batch = batch_of(prior, clips)
    clean = prior.net.codec.encode(batch.frames)
    plain = MiniPrior()
    plain.adapted = None
    there = batch.opacity[:, :1].expand_as(batch.opacity)
    said = [predict(each, batch, clean, 600, generator_at(5, 0)).forward for each in (prior, plain)]
    with_, without = (flow_error(forward, batch.forward, there).mean() for forward in said)
    assert with_ < without


def test_a_training_that_was_stopped_goes_on_to_the_same_file(tmp_path, monkeypatch):
    config = TrainingConfig(tmp_path / "a", clips=8, head_steps=3, head_batch=4, head_rate=1e-3, threads=1, processes=1)
    whole = fit_adapter.fit(config, tmp_path / "whole.safetensors").read_bytes()
    again, path = replace(config, out=tmp_path / "b"), tmp_path / "part.safetensors"
    copytree(config.data, again.data)
    with monkeypatch.context() as stopped:
        stopped.setattr(Trainer, "run", partialmethod(Trainer.run, last=2))
        assert fit_adapter.fit(again, path).read_bytes() != whole
    assert fit_adapter.fit(again, path).read_bytes() == whole  # goes on
    assert fit_adapter.fit(again, path).read_bytes() == whole  # is finished
