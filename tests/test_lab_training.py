"""The embedded prior's training: stopped and gone on, its table, its curves and its samples."""

import csv
import re
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from to4d.guidance.mini.flow import TERMS
from to4d.guidance.mini.net import MiniNet
from to4d.guidance.mini.vocabulary import Vocabulary
from to4d.guidance.mini.weights import load_weights
from to4d.types import generator_at
from to4d_lab.data.dataset import ClipSet
from to4d_lab.mini.batches import augment, make_batch, tokenise
from to4d_lab.mini.learning_curves import Curves
from to4d_lab.mini.monitoring import sampling, weights_and_biases
from to4d_lab.mini.sample_sheets import varied
from to4d_lab.mini.stage_head import tabulate, tabulate_all
from to4d_lab.mini.stage_joint import background_loss, depth_inside, joint_loss, noise_batch
from to4d_lab.mini.train import fit_parts, head_loss, train_head, train_joint
from to4d_lab.mini.trainer import Show, Trainer
from to4d_lab.mini.training_config import TrainingConfig, parse_args
from to4d_lab.mini.weight_files import adopt, save_weights

VOCABULARY = Vocabulary(("a", "box", "sliding", "jumping"))


def sliding_boxes(count: int) -> ClipSet:
    """Coloured boxes on white that slide sideways or jump, each with its flow."""
    rng = np.random.default_rng(0)
    frames = np.full((count, 16, 64, 64, 3), 255, np.uint8)
    opacity, flow = np.zeros((count, 16, 16, 16), np.float16), np.zeros((count, 16, 16, 16, 3), np.float16)
    for row in range(count):
        colour, speed, axis = rng.integers(0, 200, (16, 16, 3)), rng.choice([-1, 1]), row % 2
        for frame in range(16):
            shift = speed * frame // 4 * 4
            y, x = 24 + shift * (axis == 1), 24 + shift * (axis == 0)
            frames[row, frame, y : y + 16, x : x + 16] = colour
            opacity[row, frame, y // 4 : y // 4 + 4, x // 4 : x // 4 + 4] = 1.0
            flow[row, frame, ..., axis] = -shift / 32
    kinds = ["sliding", "jumping"] * (count // 2)
    text, flat = [f"a box {k}" for k in kinds], np.zeros((count, 16, 16), np.float16)
    ones = np.ones(count, "f4")
    return ClipSet(
        frames, opacity, flow, -flow * opacity[:, :1, ..., None], flat, text, ["box"] * count, kinds, ones, 0 * ones
    )


@pytest.fixture(scope="module")
def boxes() -> ClipSet:
    return sliding_boxes(10)


@pytest.fixture(scope="module")
def start(boxes: ClipSet) -> MiniNet:
    """A net before its training; copy it to train it."""
    torch.manual_seed(0)
    net = MiniNet(len(VOCABULARY))
    fit_parts(net, boxes, tokenise(boxes, VOCABULARY), TrainingConfig(Path()))
    return net


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def assert_equal_nets(one: nn.Module, other: nn.Module) -> None:
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def tiny(folder: Path) -> TrainingConfig:
    return TrainingConfig(folder, head_steps=2, head_batch=4, joint_steps=2, joint_batch=2)


def head(net: MiniNet, clips: ClipSet, config: TrainingConfig, last: int | None = None) -> None:
    tokens = tokenise(clips, VOCABULARY)
    train_head(net, tabulate_all(net, clips, tokens, 1), tokens, config, last)


def joint(
    net: MiniNet, clips: ClipSet, config: TrainingConfig, last: int | None = None, show: Show | None = None
) -> None:
    tokens = tokenise(clips, VOCABULARY)
    train_joint(net, clips, tabulate_all(net, clips, tokens, 1), tokens, config, last, show=show)


@pytest.mark.parametrize("stage", [head, joint])
def test_a_stage_that_was_stopped_goes_on_to_the_same_weights(boxes: ClipSet, start: MiniNet, tmp_path, stage):
    nets = []
    for name, stops in (("unbroken", (2,)), ("stopped", (1, 2))):
        for stop in stops:
            config = tiny(tmp_path / name)
            net = deepcopy(start)
            stage(net, boxes, config, stop)
        nets.append(net)
    assert_equal_nets(*nets)
    assert any(not torch.equal(a, b) for a, b in zip(start.parameters(), nets[0].parameters(), strict=True))


@pytest.mark.parametrize("stage", [head, joint])
def test_prefetched_batches_are_the_same(boxes: ClipSet, start: MiniNet, tmp_path, stage):
    nets = [deepcopy(start), deepcopy(start)]
    for net, count in zip(nets, (0, 3), strict=True):
        stage(net, boxes, replace(tiny(tmp_path / str(count)), prefetch=count))
    assert_equal_nets(*nets)


def test_samples_do_not_touch_the_training(boxes: ClipSet, start: MiniNet, tmp_path):
    nets = []
    for name in ("seen", "unseen"):
        config = replace(tiny(tmp_path / name), sample_every=1)
        nets.append(deepcopy(start))
        show = sampling(VOCABULARY, boxes, config, count=1, steps=2) if name == "seen" else None
        joint(nets[-1], boxes, config, show=show)
    assert_equal_nets(*nets)
    assert [path.name for path in sorted((tmp_path / "seen" / "samples").iterdir())] == [
        "joint-00001.png",
        "joint-00002.png",
    ]


class Line(nn.Module):
    """A net that learns to be 1, 2, 3."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        error = (self.weight - torch.tensor([1.0, 2.0, 3.0]) + 0.1 * generator_noise(step)).square().mean()
        return error, {"error": float(error.detach())}


def generator_noise(step: int) -> Tensor:
    return torch.randn(3, generator=generator_at(0, step))


def trainer_of(folder: Path, steps: int = 400) -> tuple[Line, Trainer]:
    net = Line()
    return net, Trainer("line", net, [{"params": [net.weight], "lr": 0.1}], steps, folder)


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path):
    unbroken, trainer = trainer_of(tmp_path / "unbroken")
    trainer.run(unbroken.loss)
    killed, trainer = trainer_of(tmp_path / "killed")

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        if step == 333:
            raise KeyboardInterrupt
        return killed.loss(step)

    with pytest.raises(KeyboardInterrupt):
        trainer.run(loss)
    again, trainer = trainer_of(tmp_path / "killed")
    asked = []
    trainer.run(lambda step: asked.append(step) or again.loss(step))
    assert asked[0] == 250
    assert_equal_nets(unbroken, again)
    assert (again.weight - torch.tensor([1.0, 2.0, 3.0])).abs().max() < 0.5
    curves = [read(tmp_path / name / "line.csv") for name in ("unbroken", "killed")]
    assert [row["step"] for row in curves[0]] == [str(step) for step in range(50, 401, 50)]
    assert [(row["step"], row["error"]) for row in curves[0]] == [(row["step"], row["error"]) for row in curves[1]]


def test_a_finished_stage_is_not_trained_again_but_has_its_averaged_weights(tmp_path):
    net, trainer = trainer_of(tmp_path, steps=20)
    trainer.run(net.loss)
    again, trainer = trainer_of(tmp_path, steps=20)
    assert trainer.finished()
    assert_equal_nets(net, again)


def test_curves_carry_time_on_and_show_the_time_left(tmp_path, capsys):
    Curves("line", tmp_path, 200, first=0, seconds=100.0)(50, {"error": 2.0})
    later = Curves("line", tmp_path, 200, first=50, seconds=3600.0, every=1)
    later(51, {"error": 1.0, "new": 3.0})
    rows = read(tmp_path / "line.csv")
    assert [(row["step"], row["new"]) for row in rows] == [("50", ""), ("51", "3")]
    assert 3600 <= float(rows[1]["seconds"]) < 3700
    assert re.search(r"line 51/200 .*1 h 00 min", capsys.readouterr().out)


def test_the_table_holds_each_clip_once_in_order(boxes: ClipSet, start: MiniNet):
    net, tokens = start, tokenise(boxes, VOCABULARY)
    whole = tabulate_all(net, boxes, tokens, seed=3, size=6)
    last = tabulate(net, augment(make_batch(boxes, tokens, np.arange(6, 10)), generator_at(3, 6)))
    prefetched = tabulate_all(net, boxes, tokens, seed=3, size=6, prefetched=2)
    assert all(torch.equal(getattr(prefetched, field.name), getattr(whole, field.name)) for field in fields(whole))
    for field in fields(whole):
        assert len(getattr(whole, field.name)) == 10
        torch.testing.assert_close(getattr(whole[6:], field.name), getattr(last, field.name))


def test_the_head_learns_flows_from_the_table(boxes: ClipSet, start: MiniNet, tmp_path):
    config = TrainingConfig(tmp_path, head_batch=16)
    net = deepcopy(start)
    tokens = tokenise(boxes, VOCABULARY)
    loss = head_loss(net, tabulate_all(net, boxes, tokens, 0), tokens, config)
    optimizer = torch.optim.AdamW([*net.text.parameters(), *net.head.parameters()], lr=1e-3)
    values = []
    for step in range(24):
        value, _ = loss(step)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert np.mean(values[-6:]) < 0.8 * np.mean(values[:6])


def test_the_attention_weighs_as_much_as_it_is_told(boxes: ClipSet, start: MiniNet):
    net, tokens = deepcopy(start).eval(), tokenise(boxes, VOCABULARY)
    batch = make_batch(boxes, tokens, np.arange(4))
    step = noise_batch(batch, torch.full((4,), 0.5), generator_at(0, 0))
    drawn = [joint_loss(net, step, weight) for weight in (0.0, 1.0)]
    (without, figures), (whole, _) = drawn
    assert float((whole - without).detach()) == pytest.approx(figures["noun"], rel=1e-3)


def test_depth_counts_the_pixels_to_the_outline():
    square = torch.zeros(1, 9, 9)
    square[:, 2:7, 2:7] = 1.0
    assert (4.5 * depth_inside(square)[0, 4]).round().tolist() == [0, 0, 1, 2, 3, 2, 1, 0, 0]


def test_an_empty_place_that_shows_the_object_is_pulled_out_of_it():
    inside = torch.zeros(1, 64, 64)
    inside[:, 16:48, 16:48] = 1.0
    opacity = torch.zeros(1, 16, 16, 16)
    opacity[:, :, 4:12, 4:12] = 1.0
    assert background_loss(torch.zeros(1, 16, 2, 16, 16), opacity, inside) == 0.0
    flow = torch.zeros(1, 16, 2, 16, 16)
    flow[:, 1:, 0, :, 12:] = -0.3  # what is to the right of the object shows its right side
    flow.requires_grad_()
    background_loss(flow, opacity, inside).sum().backward()
    assert (flow.grad[:, 1:, 0, 6:10, 12] < 0).all()  # a step against the gradient goes to the right
    assert (flow.grad[..., :11] == 0).all()


def test_augmentation_changes_the_looks_and_nothing_else(boxes: ClipSet):
    batch = make_batch(boxes, tokenise(boxes, VOCABULARY), np.arange(10))
    before = batch.frames.clone()
    other = augment(batch, generator_at(0, 0))
    assert all(getattr(other, name) is getattr(batch, name) for name in ("opacity", "flow", "relief", "stride"))
    assert (other.frames != before).any() and torch.equal(batch.frames, before)


def test_a_training_goes_on_from_earlier_weights(boxes: ClipSet, start: MiniNet, tmp_path):
    path = save_weights(start, VOCABULARY, tmp_path / "old.safetensors")
    old, _ = load_weights(path)
    wider = Vocabulary(("swinging", *reversed(VOCABULARY.words)))
    net = MiniNet(len(wider))
    adopt(net, wider, path)
    words = {
        name: net_.encode_words(v.encode(["a box jumping"], ["box"])).vectors
        for name, net_, v in (("old", old.eval(), VOCABULARY), ("new", net.eval(), wider))
    }
    torch.testing.assert_close(words["new"], words["old"])
    net.bank.coefficients[1:] = 0.5 + torch.arange(127.0)[:, None, None].expand(-1, 2, TERMS)
    net.bank.coefficients[100:] = 0.0
    kept = net.bank.coefficients[:100].clone()
    fit_parts(net, boxes, tokenise(boxes, wider), TrainingConfig(Path(), start=path))
    torch.testing.assert_close(net.bank.coefficients[:100], kept)
    torch.testing.assert_close(net.codec.basis, old.codec.basis)
    assert net.bank.coefficients[100:].flatten(1).any(1).sum() > 0
    net.bank.coefficients[100:] = kept[1]
    fit_parts(net, boxes, tokenise(boxes, wider), TrainingConfig(Path(), start=path))  # none is left to fill
    torch.testing.assert_close(net.bank.coefficients[:100], kept)


def test_a_sheet_has_a_row_for_each_caption(boxes: ClipSet, start: MiniNet, tmp_path):
    config = tiny(tmp_path)
    sampling(VOCABULARY, boxes, config, count=2, steps=2)(7, start)
    with Image.open(tmp_path / "samples" / "joint-00007.png") as picture:
        assert picture.width == 16 * 64 and picture.height == 2 * (64 + 12)
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["latest.safetensors"]


def test_samples_show_as_many_kinds_as_there_are():
    assert varied(["sway", "sway", "jump", "spin", "jump"], 3).tolist() == [0, 2, 3]


def test_the_dashboard_takes_figures_and_pictures_offline(tmp_path):
    board = weights_and_biases(TrainingConfig(tmp_path, wandb=True))
    board.log_metrics({"joint/clean": 1.0}, 50)
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    board.log_image("joint/samples", [str(tmp_path / "x.png")], 50)
    board.experiment.finish()
    assert list((tmp_path / "wandb").glob("offline-run-*"))


def test_the_command_line_sets_the_plan():
    config = parse_args(["--out", "here", "--joint-steps", "7", "--attention-weight", "0.5", "--device", "cuda"], "")
    assert config == TrainingConfig(Path("here"), joint_steps=7, attention_weight=0.5, device="cuda")
    assert parse_args(["--out", "here"], "") == TrainingConfig(Path("here"))
