"""Networks that measure agree with the official ones on random weights; without weights there is no number."""

import json

import measure_answers
import pytest
import torch
from moving_ball import MovingBall
from PIL import Image
from safetensors.torch import load_file, save_file

from to4d.errors import InputError, NotComputed
from to4d.evaluation import evaluate
from to4d.metrics.clip_likeness import ClipLikeness, OpenClip
from to4d.metrics.lpips_net import LpipsNet
from to4d.metrics.perceptual import Lpips
from to4d.metrics.raft_flow import RaftFlow
from to4d.metrics.raft_net import RaftNet
from to4d.metrics.seen import see
from to4d.types import Prompt, Scene
from to4d.viewpoints import Viewpoints

VIEWS = Viewpoints(azimuths_deg=(0.0, 90.0), size=64)
SCENE = Scene(MovingBall(0.0), MovingBall(0.3), Prompt("a ball jumping", "ball"))


@pytest.fixture(scope="module")
def answers():
    return measure_answers.ours()


@pytest.fixture(scope="module")
def seen():
    return see(SCENE, VIEWS, frames=3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Random weights as the official files hold them."""
    folder = tmp_path_factory.mktemp("weights")
    classifier = {"classifier.6.bias": torch.zeros(3)}  # torchvision's file has one, which is not used
    torch.save(measure_answers.backbone_weights("alex") | classifier, folder / "backbone.pth")
    torch.save(measure_answers.lin_weights("alex"), folder / "linear.pth")
    raft = measure_answers.random_weights(measure_answers.shapes_of(RaftNet()))
    torch.save({f"module.{key}": value for key, value in raft.items()}, folder / "raft.pth")
    return folder


@pytest.mark.parametrize("name", ["lpips alex", "lpips vgg", "raft, 130 x 132"])
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


def test_a_figure_whose_weights_are_not_there_is_null_and_says_what_is_needed(tmp_path):
    measures = {"lpips": Lpips("alex"), "vgg": Lpips("vgg", backbone=str(tmp_path / "no.pth")), "raft": RaftFlow()}
    measures["clip"] = ClipLikeness()
    _, figures = evaluate(SCENE, VIEWS, 2, measures)
    notes = json.loads(json.dumps(figures, allow_nan=False))["eval/notes"]
    names = {"lpips", "lpips_f", "lpips_vgg", "lpips_f_vgg", "dynamic_degree_raft", "flow_top5_raft", "flow_raft"}
    names |= {"clip_i", "clip_f", "clip_t"}
    assert set(notes) == {f"eval/{name}" for name in names} and all(figures[f"eval/{name}"] is None for name in names)
    assert notes["eval/lpips"] == (
        "measures.lpips.backbone names no file; it needs torchvision's alexnet-owt-7be5be79.pth"
    )
    assert "no.pth is no file" in notes["eval/lpips_vgg"] and "raft-things.pth" in notes["eval/dynamic_degree_raft"]


def test_with_weights_there_are_figures_and_the_recipe_names_the_files(seen, files):
    lpips = Lpips("alex", str(files / "backbone.pth"), str(files / "linear.pth"))
    figures = lpips(seen)
    assert figures["eval/lpips"] == pytest.approx((figures["eval/lpips/000"] + figures["eval/lpips/090"]) / 2)
    assert figures["eval/lpips_f"] > 0.0 and not figures["eval/notes"]
    told = lpips.recipe()["linear"]
    assert told["file"] == "linear.pth" and len(told["sha256"]) == 64
    raft = RaftFlow(str(files / "raft.pth"), iterations=1)(see(SCENE, Viewpoints(azimuths_deg=(0.0,), size=128), 2))
    assert raft["eval/flow_top5_raft"] > 0.0 and raft["eval/dynamic_degree_raft"] in (0.0, 1.0)


def test_weights_of_another_network_are_refused(seen, files, tmp_path):
    with pytest.raises(InputError, match="holds other weights than LpipsNet"):
        Lpips("vgg", str(files / "backbone.pth"), str(files / "linear.pth"))(seen)
    save_file({"fnet.conv1.weight": torch.zeros(1)}, tmp_path / "raft.safetensors")
    with pytest.raises(InputError, match="holds other weights than RaftNet"):
        RaftFlow(str(tmp_path / "raft.safetensors"))(seen)
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"broken.pth cannot be read as weights"):
        RaftFlow(str(tmp_path / "broken.pth"))(seen)


TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def test_clip_is_asked_as_open_clip_itself_would_be(seen, tmp_path):
    open_clip = pytest.importorskip(
        "open_clip", reason="needs the extra: pip install -e '.[metrics]'", exc_type=Exception
    )
    (tmp_path / "to4d-tiny.json").write_text(json.dumps(TINY))
    (tmp_path / "to4d-wide.json").write_text(json.dumps(TINY | {"text_cfg": TINY["text_cfg"] | {"width": 32}}))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(0)
    model, _, prepare = open_clip.create_model_and_transforms("to4d-tiny")
    torch.save(model.state_dict(), tmp_path / "tiny.pt")
    figures = ClipLikeness("to4d-tiny", str(tmp_path / "tiny.pt"))(seen)
    ours = OpenClip("to4d-tiny", tmp_path / "tiny.pt")
    frame = Image.fromarray((255 * seen.clips.rgb[0, 1]).round().to(torch.uint8).numpy())
    own = model.eval().encode_image(prepare(frame)[None])
    assert torch.allclose(ours.pictures(seen.clips.rgb[0, 1:2]), own, atol=1e-5)
    words = model.encode_text(open_clip.tokenize(["a ball jumping"]))
    assert torch.allclose(ours.words("a ball jumping"), words, atol=1e-5)
    expected = torch.nn.functional.cosine_similarity(ours.pictures(seen.clips.rgb[0]), words).mean().item()
    assert figures["eval/clip_t/000"] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(InputError, match="is no model of open_clip"):
        OpenClip("ViT-Z", tmp_path / "tiny.pt")
    with pytest.raises(InputError, match="holds other weights"):
        OpenClip("to4d-wide", tmp_path / "tiny.pt")


def test_without_the_package_there_is_no_figure_of_clip(seen, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(NotComputed, match="pip install"):
        ClipLikeness(weights=str(tmp_path / "weights.pt"))(seen)
