"""The hash grid by tiny-cuda-nn. Written from its documentation; it has not been run on a GPU in this project yet."""

from functools import cache
from importlib.util import find_spec
from typing import Any

from torch import Tensor

from to4d.kernels.hash_layout import HashLayout


def supports(layout: HashLayout) -> bool:
    """Whether tiny-cuda-nn is installed and knows this layout (it has one resolution for all axes of a level)."""
    return find_spec("tinycudann") is not None and len(set(layout.base)) == len(set(layout.finest)) == 1


@cache
def _encoding(layout: HashLayout) -> Any:
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
    return tinycudann.Encoding(len(layout.base), config, dtype=None).native_tcnn_module


def encode(points: Tensor, table: Tensor, layout: HashLayout) -> Tensor:
    """As `hash_grid.encode`, in the precision that tiny-cuda-nn was built for, returned in that of `table`."""
    from tinycudann.modules import _module_function

    module = _encoding(layout)
    if module.n_params() != table.numel():
        raise RuntimeError(f"tiny-cuda-nn lays {layout} out in {module.n_params()} values, to4d in {table.numel()}")
    features = _module_function.apply(module, points.clamp(0, 1), table.flatten(), 1.0)
    return features[:, : layout.width].to(table.dtype)
