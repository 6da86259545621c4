"""The same questions for our networks that measure and for the official ones, on the same random weights.

The official answers are kept in golden/measures.safetensors. To write them anew, and to see how far ours are from them:

    pip install lpips torchvision; git clone https://github.com/princeton-vl/RAFT
    python tests/measure_answers.py RAFT/core
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from to4d.metrics.lpips_net import LpipsNet, official_keys
from to4d.metrics.raft_net import RaftNet

GOLDEN = Path(__file__).parent / "golden" / "measures.safetensors"
ITERATIONS = 4
NETS = ("alex", "vgg")


def random_weights(shapes):
    """Values for keys and shapes, of a size that keeps a deep network alive; the same for whoever has these keys."""
    out = {}
    for key in sorted(shapes):
        shape, random = shapes[key], np.random.RandomState(sum(key.encode()))
        if key.endswith("num_batches_tracked"):
            out[key] = torch.zeros((), dtype=torch.int64)
            continue
        values = random.standard_normal(shape).astype(np.float32)
        if len(shape) == 4:
            values *= (2.0 / np.prod(shape[1:])) ** 0.5
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
    return out


@torch.no_grad()
def official(raft_folder):
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
    return out


def differences(answers, known):
    """Largest difference by name, as a share of the largest value."""
    return {name: ((answers[name] - known[name]).abs().max() / known[name].abs().max()).item() for name in known}


if __name__ == "__main__":
    save_file(official(sys.argv[1]), GOLDEN)
    for name, value in differences(ours(), load_file(GOLDEN)).items():
        print(f"| {name} | {load_file(GOLDEN)[name].abs().max():.4g} | {value:.1e} |")
