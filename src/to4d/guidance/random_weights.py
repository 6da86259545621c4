"""Random weights that are the same on every machine and under every version of torch, for tests."""

import zlib

import numpy as np
import torch
from torch import Tensor, nn


def random_tensor(name: str, shape: tuple[int, ...], seed: int = 0, distinct: int | None = None) -> Tensor:
    """Values that depend on the parameter's name alone: of size 1/sqrt(inputs), and about 1 for the scales of norms.

    No layer is zero: a fresh diffusion model ends in zeros, and would pass any test. After `distinct` numbers they come
    again, for who has thousands of millions to fill.
    """
    count = int(np.prod(shape))
    source = np.random.RandomState(zlib.crc32(f"{seed}/{name}".encode()))
    values = source.standard_normal(min(count, distinct or count))
    if len(shape) >= 2:
        values = values / np.sqrt(shape[-1] if len(shape) == 2 else int(np.prod(shape[1:])))
    else:
        values = 0.1 * values + (len(shape) == 1 and name.endswith("weight"))
    return torch.from_numpy(np.resize(values.astype(np.float32), shape))


def randomise(module: nn.Module, prefix: str = "", seed: int = 0, distinct: int | None = None) -> nn.Module:
    """Give every parameter of `module`, which is called `prefix` in the whole model, its random values."""
    state = {
        name: random_tensor(prefix + name, tuple(p.shape), seed, distinct) for name, p in module.named_parameters()
    }
    module.load_state_dict(state, strict=False, assign=True)
    return module.requires_grad_(False).eval()
