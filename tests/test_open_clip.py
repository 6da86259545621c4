"""open_clip's towers and tokens are what CLIP's figures and DynamiCrafter's prompts hold."""

import json

import pytest
import torch
from moving_ball import MovingBall
from open_clip_package import open_clip
from PIL import Image
from upstream_lvdm import tower_config

from to4d.errors import InputError
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.lexicon.clip_tokenizer import tokenise
from to4d.metrics.clip_similarity import ClipSimilarity, OpenClip
from to4d.metrics.renders import render_for_evaluation
from to4d.protocols import Scene
from to4d.types import Prompt
from to4d.viewpoints import Viewpoints

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def test_clip_is_asked_as_open_clip_itself_would_be(tmp_path):
    scene = Scene(MovingBall(0.0), MovingBall(0.3), Prompt("a ball jumping", "ball"))
    renders = render_for_evaluation(scene, Viewpoints(azimuths_deg=(0.0,), size=64), frames=3)
    (tmp_path / "to4d-tiny.json").write_text(json.dumps(TINY))
    (tmp_path / "to4d-wide.json").write_text(json.dumps(TINY | {"text_cfg": TINY["text_cfg"] | {"width": 32}}))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(0)
    model, _, prepare = open_clip.create_model_and_transforms("to4d-tiny")
    torch.save(model.state_dict(), tmp_path / "tiny.pt")
    figures = ClipSimilarity("to4d-tiny", str(tmp_path / "tiny.pt"))(renders)
    ours = OpenClip("to4d-tiny", tmp_path / "tiny.pt")
    frame = Image.fromarray((255 * renders.clips.rgb[0, 1]).round().to(torch.uint8).numpy())
    own = model.eval().encode_image(prepare(frame)[None])
    assert torch.allclose(ours.pictures(renders.clips.rgb[0, 1:2]), own, atol=1e-5)
    words = model.encode_text(open_clip.tokenize(["a ball jumping"]))
    assert torch.allclose(ours.words("a ball jumping"), words, atol=1e-5)
    expected = torch.nn.functional.cosine_similarity(ours.pictures(renders.clips.rgb[0]), words).mean().item()
    assert figures["eval/clip_t/000"] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(InputError, match=r"measures\.clip\.variant=ViT-Z"):
        OpenClip("ViT-Z", tmp_path / "tiny.pt")
    with pytest.raises(InputError, match=r"tiny\.pt .*to4d-wide"):
        OpenClip("to4d-wide", tmp_path / "tiny.pt")


@pytest.mark.parametrize(
    "text", ["naïve café — 植物 🌱 grows", "don't 'quote' it's we'll", "a_b 12 half ½ &amp; co", "#$%!?..."]
)
def test_numbers_are_those_of_open_clip(text):
    assert torch.equal(tokenise(text), open_clip.tokenize(text)[0].to(torch.int64))


def test_the_towers_are_those_of_vit_h_14(tmp_path):
    tower_config(SIZES["256"].clip, tmp_path)
    mine, theirs = (open_clip.get_model_config(name) for name in ("ours", "ViT-H-14"))
    assert mine == theirs
