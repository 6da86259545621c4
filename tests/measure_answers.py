"""The same questions for our networks that measure and for the official ones, on the same random weights.

The official answers are kept in golden/measures.safetensors. To write them anew, and to see how far ours are from them:

    pip install lpips torchvision einops ftfy regex open_clip_torch
    git clone https://github.com/princeton-vl/RAFT; git clone https://github.com/MCG-NKU/AMT
    git clone https://github.com/Vchitect/VBench
    python tests/measure_answers.py RAFT/core AMT VBench/vbench/third_party
"""

import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from to4d.lexicon.clip_tokenizer import tokenise
from to4d.metrics.networks.amt_net import AmtNet
from to4d.metrics.networks.lpips_net import LpipsNet, official_keys
from to4d.metrics.networks.raft_net import RaftNet
from to4d.metrics.networks.viclip_net import ViclipNet, ViclipSize, ViclipTowerSize
from to4d.metrics.viclip_style import prepare_for_clip

GOLDEN = Path(__file__).parent / "golden" / "measures.safetensors"
ITERATIONS = 4
NETS = ("alex", "vgg")
AMT, VICLIP, BYTES = "amt-s, 140 x 150", "viclip, small", "viclip's pictures, 60 x 40"
SMALL = ViclipSize(ViclipTowerSize(48, 2, 3), ViclipTowerSize(32, 2, 2), pixels=28, features=24)
SENTENCE = "A plant's leaves are waving, in the wind of a café at 25 km/h: " + "and waving " * 20


def random_weights(shapes, gain=1.0):
    """Values for keys and shapes, of a size that keeps a deep network alive; the same for whoever has these keys."""
    out = {}
    for key in sorted(shapes):
        shape, random = shapes[key], np.random.RandomState(sum(key.encode()))
        if key.endswith("num_batches_tracked"):
            out[key] = torch.zeros((), dtype=torch.int64)
            continue
        values = random.standard_normal(shape).astype(np.float32)
        if len(shape) == 4:
            values *= gain * (2.0 / np.prod(shape[1:])) ** 0.5
        elif key.endswith(("running_var", "norm1.weight", "norm2.weight", "norm3.weight", "downsample.1.weight")):
            values = 1.0 + 0.2 * np.abs(values)
        else:
            values *= 0.1
        out[key] = torch.from_numpy(np.abs(values) if ".model." in key or key.startswith("lin.") else values)
    for key in [key for key in out if ".norm3." in key]:  # one layer under two names
        out[key.replace("norm3", "downsample.1")] = out[key]
    return out


def shapes_of(network):
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def pictures(seed, height, width, count=2):
    """(n, 3, H, W) in [0, 1], coarse and fine; the second is like the first, moved."""
    random = torch.from_numpy(np.random.RandomState(seed).standard_normal((1, 3, height // 8 + 2, width // 8 + 2)))
    large = torch.nn.functional.interpolate(random.float(), (height + 8, width + 8), mode="bicubic").sigmoid()
    return torch.cat([large[..., i : i + height, 2 * i : 2 * i + width] for i in range(count)])


def lin_weights(net):
    """The official linear layers' keys, with random values."""
    widths = [tuple(parameter.shape) for parameter in LpipsNet(net).lin]
    return random_weights({f"lin{i}.model.1.weight": shape for i, shape in enumerate(widths)})


def backbone_weights(net):
    return random_weights({k: v for k, v in shapes_of(LpipsNet(net)).items() if k.startswith("features.")})


def amt_weights(shapes):
    """Smaller ones: the answer is cut at black and white, and few pixels should be."""
    return random_weights(shapes, gain=0.6)


def clip_of_pictures():
    """(8, 3, 28, 28), the second half a moved copy."""
    return torch.cat([pictures(seed, SMALL.pixels, SMALL.pixels) for seed in range(3, 7)])


def byte_pictures():
    """(8, 3, 60, 40) whole numbers up to 255."""
    return torch.cat([pictures(seed, 60, 40) for seed in range(7, 11)]).mul(255.0).round()


@torch.no_grad()
def ours():
    """Our answers, by name."""
    out, frames = {}, pictures(0, 64, 72)
    for net in NETS:
        network = LpipsNet(net)
        network.load_state_dict(official_keys(backbone_weights(net), lin_weights(net)))
        out[f"lpips {net}"] = network(frames[:1], frames[1:])
    raft = RaftNet().eval()
    raft.load_state_dict(random_weights(shapes_of(raft)))
    now, later = pictures(1, 130, 132)
    out["raft, 130 x 132"] = raft(now[None], later[None], ITERATIONS)[..., ::4, ::4].contiguous()
    amt = AmtNet().eval()
    amt.load_state_dict(amt_weights(shapes_of(amt)))
    now, later = pictures(2, 140, 150)
    out[AMT] = amt(now[None], later[None])[..., ::4, ::4].contiguous()
    viclip = ViclipNet(SMALL).eval()
    viclip.load_state_dict(random_weights(shapes_of(viclip)))
    out[f"{VICLIP}, clip"] = viclip.vision_encoder(clip_of_pictures()[None])
    out[f"{VICLIP}, words"] = viclip.text_encoder(tokenise(SENTENCE, SMALL.tokens)[None])
    out[BYTES] = prepare_for_clip(byte_pictures().movedim(1, -1) / 255.0, SMALL.pixels)[..., ::4].contiguous()
    return out


@torch.no_grad()
def official(raft_folder, amt_folder, vbench_folder):
    """The official answers."""
    lacking = torch.library.Library("torchvision", "DEF")  # what torchvision lacks beside a CPU torch
    for name in ("nms", "qnms"):
        lacking.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import lpips

    out, frames = {}, pictures(0, 64, 72)
    for net in NETS:
        network = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        own = {k.partition(".")[2]: v for k, v in backbone_weights(net).items()}
        for part in (getattr(network.net, f"slice{i}") for i in range(1, 6)):
            part.load_state_dict({k: own[k] for k in part.state_dict()}, strict=True)
        network.load_state_dict(lin_weights(net), strict=False)
        out[f"lpips {net}"] = network(frames[:1], frames[1:], normalize=True).flatten()
    sys.path.insert(0, str(raft_folder))
    from raft import RAFT
    from utils.utils import InputPadder

    settings = type("Settings", (SimpleNamespace,), {"__contains__": lambda self, name: hasattr(self, name)})
    raft = RAFT(settings(small=False, mixed_precision=False))
    assert shapes_of(raft) == shapes_of(RaftNet())
    raft.load_state_dict(random_weights(shapes_of(raft)), strict=True)
    now, later = 255.0 * pictures(1, 130, 132)
    padder = InputPadder((1, 3, 130, 132))
    _, flow = raft.eval()(*padder.pad(now[None], later[None]), iters=ITERATIONS, test_mode=True)
    out["raft, 130 x 132"] = padder.unpad(flow)[..., ::4, ::4].contiguous()
    return out | official_amt(amt_folder) | official_viclip(vbench_folder)


def official_amt(folder):
    forget("utils", "networks")
    sys.path.insert(0, str(folder))
    sys.modules["imageio"] = SimpleNamespace(imread=None, imwrite=None)  # files that are not read here
    network, padder = import_module("networks.AMT-S").Model().eval(), import_module("utils.utils").InputPadder
    assert shapes_of(network) == shapes_of(AmtNet())
    network.load_state_dict(amt_weights(shapes_of(network)), strict=True)
    now, later = pictures(2, 140, 150)
    pads = padder((1, 3, 140, 150), 16)
    answer = network(*pads.pad(now[None], later[None]), torch.full((1, 1, 1, 1), 0.5), eval=True)["imgt_pred"]
    return {AMT: pads.unpad(answer)[..., ::4, ::4].contiguous()}


def official_viclip(folder):
    sys.path.insert(0, str(folder))
    lacking = SimpleNamespace(DropPath=torch.nn.Identity, register_model=lambda function: function)  # old timm
    version = SimpleNamespace(parse=lambda text: tuple(int(x) for x in text.split("+")[0].split(".")))
    sys.modules |= dict.fromkeys(("timm.models.layers", "timm.models.registry"), lacking)
    cache = Path(tempfile.mkdtemp())
    (cache / "ViCLIP").symlink_to(Path(find_spec("open_clip").origin).parent)  # which has the same table of pairs
    sys.modules |= {"vbench": SimpleNamespace(), "vbench.utils": SimpleNamespace(CACHE_DIR=str(cache))}
    sys.modules["pkg_resources"] = SimpleNamespace(packaging=SimpleNamespace(version=version))
    vision_module, text_module = import_module("ViCLIP.viclip_vision"), import_module("ViCLIP.viclip_text")
    assert full_shapes(vision_module, text_module) == shapes_of(on_paper(ViclipNet))
    size = SMALL
    vision = vision_module.VisionTransformer(
        size.pixels, size.patch, size.video.width, size.video.layers, size.video.heads, size.features
    )
    text = text_module.CLIP_TEXT(
        size.features, size.tokens, 49408, size.text.width, size.text.heads, size.text.layers, checkpoint_num=0
    )
    weights = random_weights(shapes_of(ViclipNet(size)))
    for name, part in (("vision_encoder.", vision), ("text_encoder.", text)):
        own = {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}
        part.eval().load_state_dict(own, strict=True)
    return {
        f"{VICLIP}, clip": vision(clip_of_pictures().movedim(1, 0)[None]),
        f"{VICLIP}, words": text(text.tokenize(SENTENCE, context_length=size.tokens)),
        BYTES: official_pictures()[..., ::4].contiguous(),
    }


def official_pictures():
    """The transform of vbench/utils.py, written out: the file itself needs a video reader."""
    from torchvision import transforms

    mean, spread = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    cut = [transforms.Resize(28, transforms.InterpolationMode.BICUBIC, antialias=False), transforms.CenterCrop(28)]
    after = [transforms.Lambda(lambda x: x.float().div(255.0)), transforms.Normalize(mean, spread)]
    return transforms.Compose(cut + after)(byte_pictures().to(torch.uint8))


def full_shapes(vision_module, text_module):
    """Of the official network at its official size, as VBench builds it."""
    with patch("torch.linspace", lambda low, high, count: torch.zeros(count, device="cpu")):  # numbers that it reads
        parts = {"vision_encoder.": on_paper(vision_module.clip_joint_l14)}
    parts["text_encoder."] = on_paper(lambda: text_module.clip_text_l14(context_length=32, pretrained=False))
    return {name + key: shape for name, part in parts.items() for key, shape in shapes_of(part).items()} | {"temp": ()}


def on_paper(make):
    with torch.device("meta"):
        return make()


def forget(*names):
    for name in [key for key in sys.modules if key.split(".")[0] in names]:
        del sys.modules[name]


def differences(answers, known):
    """Largest difference by name, as a share of the largest value."""
    return {name: ((answers[name] - known[name]).abs().max() / known[name].abs().max()).item() for name in known}


if __name__ == "__main__":
    save_file(official(*sys.argv[1:4]), GOLDEN)
    for name, value in differences(ours(), load_file(GOLDEN)).items():
        print(f"| {name} | {load_file(GOLDEN)[name].abs().max():.4g} | {value:.1e} |")
