"""The hash grid by tiny-cuda-nn (`make setup-gpu`).

Written from its source at the commit that the Makefile pins; it has not been run on a GPU in this project yet:
`python -m to4d.runs.gpu` compares it with `hash_grid.encode_twin` where it is installed.
"""

from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from to4d.kernels.hash_layout import HashLayout

ROWS = 256  # points come in multiples of this (tiny-cuda-nn's batch_size_granularity)


def supports(layout: HashLayout) -> bool:
    """Whether tiny-cuda-nn is installed and knows this layout (it has one resolution for all axes of a level)."""
    return find_spec("tinycudann") is not None and len(set(layout.base)) == len(set(layout.finest)) == 1


@cache
def _encoding(layout: HashLayout) -> Any:
    """In float32: its half-precision features can overflow, and half-precision gradients vanish without a scale."""
    import tinycudann

    growth = (layout.finest[0] / layout.base[0]) ** (1 / max(1, layout.levels - 1))
    config = {
        "otype": "HashGrid",
        "n_levels": layout.levels,
        "n_features_per_level": 2,
        "log2_hashmap_size": layout.log2_rows,
        "base_resolution": layout.base[0],
        "per_level_scale": growth,
    }
    return tinycudann.Encoding(len(layout.base), config, dtype=torch.float32).native_tcnn_module


def encode_cuda(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """As `hash_grid.encode`, in float32."""
    from tinycudann.modules import _module_function

    module, count = _encoding(layout), len(points)
    if module.n_params() != table.numel():
        raise RuntimeError(f"tiny-cuda-nn lays {layout} out in {module.n_params()} values, to4d in {table.numel()}")
    rows = max(1, -(-count // ROWS)) * ROWS
    padded = pad(points.float().clamp(0, 1), (0, 0, 0, rows - count)).contiguous()
    return _module_function.apply(module, padded, table.flatten(), 1.0)[:count, : layout.width]
