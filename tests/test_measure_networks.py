"""Networks that measure agree with the official ones on random weights; without weights there is no number."""

import json

import cv2
import measure_answers
import numpy as np
import pytest
import torch
from moving_ball import MovingBall
from safetensors.torch import load_file, save_file

from to4d.errors import InputError, NotComputed
from to4d.metrics.amt_smoothness import AmtSmoothness
from to4d.metrics.clip_similarity import ClipSimilarity
from to4d.metrics.networks.amt_net import SMALLEST, AmtNet
from to4d.metrics.networks.load_weights import load_strictly, read_weights
from to4d.metrics.networks.lpips_net import LpipsNet
from to4d.metrics.networks.pretrained_files import PRETRAINED
from to4d.metrics.networks.raft_net import RaftNet
from to4d.metrics.networks.viclip_net import ViclipNet
from to4d.metrics.perceptual import Lpips
from to4d.metrics.raft_flow import RaftFlow
from to4d.metrics.renders import render_for_evaluation
from to4d.metrics.viclip_style import ViclipStyle, temporal_style
from to4d.protocols import Scene
from to4d.runs.evaluation import evaluate, in_bytes
from to4d.types import Prompt
from to4d.viewpoints import Viewpoints

VIEWS = Viewpoints(azimuths_deg=(0.0, 90.0), size=64)
SCENE = Scene(MovingBall(0.0), MovingBall(0.3), Prompt("a ball jumping", "ball"))


@pytest.fixture(scope="module")
def answers():
    return measure_answers.ours()


@pytest.fixture(scope="module")
def renders():
    return render_for_evaluation(SCENE, VIEWS, frames=3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Random weights as the official files hold them."""
    folder = tmp_path_factory.mktemp("weights")
    classifier = {"classifier.6.bias": torch.zeros(3)}  # torchvision's file has one, which is not used
    save_file(measure_answers.backbone_weights("alex") | classifier, folder / "backbone.safetensors")
    torch.save(measure_answers.lin_weights("alex"), folder / "linear.pth")
    raft = measure_answers.random_weights(measure_answers.shapes_of(RaftNet()))
    torch.save({f"module.{key}": value for key, value in raft.items()}, folder / "raft.pth")
    amt = measure_answers.amt_weights(measure_answers.shapes_of(AmtNet()))
    torch.save({"epoch": 1, "state_dict": amt}, folder / "amt.pth")
    return folder


@pytest.mark.parametrize("name", load_file(measure_answers.GOLDEN))
def test_our_networks_answer_as_the_official_ones_do(answers, name):
    known = load_file(measure_answers.GOLDEN)
    assert known[name].abs().max() > 0.01  # random weights of the right size: the answer says something
    assert measure_answers.differences(answers, known)[name] < 1e-4


def test_lpips_of_equal_pictures_is_0_and_it_is_symmetric():
    network = LpipsNet("alex").requires_grad_(False)
    a, b = measure_answers.pictures(3, 40, 48).split(1)
    for parameter in network.lin:
        parameter.fill_(0.1)
    assert network(a, a).item() == 0.0 and network(a, b).item() > 0.0
    assert network(a, b).item() == pytest.approx(network(b, a).item())


def test_a_figure_whose_weights_are_not_there_is_null_and_its_note_names_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path))
    measures = {"lpips": Lpips("alex"), "vgg": Lpips("vgg", backbone=str(tmp_path / "no.pth")), "raft": RaftFlow()}
    measures |= {"clip": ClipSimilarity(), "amt": AmtSmoothness(), "viclip": ViclipStyle()}
    _, figures = evaluate(render_for_evaluation(SCENE, VIEWS, 2), measures)
    notes = json.loads(json.dumps(figures, allow_nan=False))["eval/notes"]
    names = {"lpips", "lpips_f", "lpips_vgg", "lpips_f_vgg", "dynamic_degree_raft", "flow_top5_raft", "flow_raft"}
    names |= {"clip_i", "clip_f", "clip_t", "smoothness", "style"}
    assert set(notes) == {f"eval/{name}" for name in names} and all(figures[f"eval/{name}"] is None for name in names)
    folder = tmp_path / "weights" / "metrics"
    needed = ("measures.lpips.backbone", str(folder / "alexnet.pth"), "python -m to4d.weights get metrics")
    assert all(part in notes["eval/lpips"] for part in needed)
    assert "no.pth" in notes["eval/lpips_vgg"] and "raft-things.pth" in notes["eval/dynamic_degree_raft"]


def test_a_file_that_the_weights_command_fetched_is_found_by_itself(files, tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path))
    PRETRAINED["raft"].path.parent.mkdir(parents=True)
    PRETRAINED["raft"].path.write_bytes((files / "raft.pth").read_bytes())
    near = render_for_evaluation(SCENE, Viewpoints(azimuths_deg=(0.0,), size=128), 2)
    assert RaftFlow(iterations=1)(near) == RaftFlow(str(files / "raft.pth"), iterations=1)(near)
    assert RaftFlow().recipe()["weights"]["file"] == "raft-things.pth"


def test_smoothness_is_vbenchs_over_bytes_of_every_second_frame(files):
    near = in_bytes(render_for_evaluation(SCENE, Viewpoints(azimuths_deg=(0.0,), size=SMALLEST), 4))
    network = load_strictly(AmtNet(), read_weights(files / "amt.pth", inside="state_dict"), files / "amt.pth")
    frames = (255.0 * near.clips.rgb[0]).round().to(torch.uint8)
    predicted = network(*(near.clips.rgb[0].movedim(-1, 1)[[i]] for i in (0, 2)))[0].movedim(0, -1).numpy()
    apart = cv2.absdiff(frames[1].numpy(), (predicted * 255.0).clip(0, 255).astype(np.uint8))  # VBench's own words
    found = AmtSmoothness(str(files / "amt.pth"))(near)
    assert found["eval/smoothness"] == pytest.approx((255.0 - apart.mean()) / 255.0, abs=1e-6)
    with pytest.raises(InputError, match=" 113 "):
        AmtSmoothness(str(files / "amt.pth"))(render_for_evaluation(SCENE, VIEWS, 3))


def test_style_is_the_cosine_of_vbenchs_eight_frames_and_the_prompt(renders, tmp_path, monkeypatch):
    network = ViclipNet(measure_answers.SMALL).eval().requires_grad_(False)
    weights = measure_answers.random_weights(measure_answers.shapes_of(network))
    network.load_state_dict(weights)
    frames, words = renders.clips.rgb[0].repeat(6, 1, 1, 1)[:16], "a ball jumping"
    frames[1::2] = 1.0 - frames[1::2]
    own = temporal_style(network, frames, words)
    assert own == pytest.approx(temporal_style(network, frames[::2], words), abs=1e-6)  # 16 frames: 0, 2, ... 14
    assert (
        abs(own - temporal_style(network, frames[1::2], words)) > 1e-4
        and abs(own - temporal_style(network, frames, "ball")) > 1e-4
    )
    torch.save({"model": weights}, tmp_path / "viclip.pth")
    monkeypatch.setattr("to4d.metrics.viclip_style.ViclipNet", lambda: ViclipNet(measure_answers.SMALL))
    figures = ViclipStyle(str(tmp_path / "viclip.pth"))(renders)
    assert figures["eval/style/000"] == pytest.approx(temporal_style(network, renders.clips.rgb[0], words), abs=1e-6)


def test_with_weights_there_are_figures_and_the_recipe_names_the_files(renders, files):
    lpips = Lpips("alex", str(files / "backbone.safetensors"), str(files / "linear.pth"))
    figures = lpips(renders)
    assert figures["eval/lpips"] == pytest.approx((figures["eval/lpips/000"] + figures["eval/lpips/090"]) / 2)
    assert figures["eval/lpips_f"] > 0.0 and not figures["eval/notes"]
    linear = lpips.recipe()["linear"]
    assert linear["file"] == "linear.pth" and len(linear["sha256"]) == 64
    raft = RaftFlow(str(files / "raft.pth"), iterations=1)(
        render_for_evaluation(SCENE, Viewpoints(azimuths_deg=(0.0,), size=128), 2)
    )
    assert raft["eval/flow_top5_raft"] > 0.0 and raft["eval/dynamic_degree_raft"] in (0.0, 1.0)


def test_weights_of_another_network_are_refused(renders, files, tmp_path):
    with pytest.raises(InputError, match=r"linear\.pth .*LpipsNet"):
        Lpips("vgg", str(files / "backbone.safetensors"), str(files / "linear.pth"))(renders)
    save_file({"fnet.conv1.weight": torch.zeros(1)}, tmp_path / "raft.safetensors")
    with pytest.raises(InputError, match=r"raft\.safetensors .*RaftNet"):
        RaftFlow(str(tmp_path / "raft.safetensors"))(renders)
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"broken\.pth"):
        RaftFlow(str(tmp_path / "broken.pth"))(renders)


def test_without_the_package_there_is_no_figure_of_clip(renders, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(NotComputed, match="pip install"):
        ClipSimilarity(weights=str(tmp_path / "weights.pt"))(renders)
