"""LPIPS 0.1 (Zhang et al. 2018): distances of deep features, weighted by what people see. Takes official weights."""

from itertools import pairwise

import torch
from torch import Tensor, nn

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of colours in [-1, 1]
ENDS = {"alex": (2, 5, 8, 10, 12), "vgg": (4, 9, 16, 23, 30)}  # layers after which features are compared
VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)  # channels; 0 halves the size


class LpipsNet(nn.Module):
    """Distance of pictures; keys are those of torchvision's `features` and of the official linear layers."""

    shift: Tensor
    scale: Tensor

    def __init__(self, net: str) -> None:
        """`net` is alex or vgg."""
        super().__init__()
        self.ends = (0, *ENDS[net])
        self.features = nn.Sequential(*(alex_layers() if net == "alex" else vgg_layers()))
        layers = list(self.features)
        convolutions = [[x for x in layers[:end] if isinstance(x, nn.Conv2d)] for end in self.ends[1:]]
        widths = [found[-1].out_channels for found in convolutions]
        self.lin = nn.ParameterList([nn.Parameter(torch.zeros(1, width, 1, 1)) for width in widths])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Pictures (n, 3, H, W) in [0, 1] -> (n,) distances, 0 if equal."""
        x, y = ((2.0 * z - 1.0 - self.shift) / self.scale for z in (a, b))
        total = x.new_zeros(len(x))
        for (start, end), weight in zip(pairwise(self.ends), self.lin, strict=True):
            x, y = self.features[start:end](x), self.features[start:end](y)
            total = total + ((normalize_channels(x) - normalize_channels(y)).square() * weight).sum(1).mean((-2, -1))
        return total


def normalize_channels(x: Tensor) -> Tensor:
    """Each pixel's features as a direction."""
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)


def alex_layers() -> list[nn.Module]:
    """AlexNet's convolutions, to the last that is looked at."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    for before, after in ((192, 384), (384, 256), (256, 256)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return layers


def vgg_layers() -> list[nn.Module]:
    """VGG16's convolutions, to the last that is looked at."""
    layers: list[nn.Module] = []
    width = 3
    for after in VGG:
        if after == 0:
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(width, after, 3, padding=1), nn.ReLU()]
            width = after
    return layers


def official_keys(backbone: dict[str, Tensor], linear: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of torchvision's network and of the official linear layers, by our keys; its classifier is not used."""
    ours = {key: value for key, value in backbone.items() if not key.startswith("classifier.")}
    return ours | {
        f"lin.{key[3]}" if key.startswith("lin") and key.endswith(".model.1.weight") else key: value
        for key, value in linear.items()
    }
