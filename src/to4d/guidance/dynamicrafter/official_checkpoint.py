"""Reads the official checkpoints, strictly: every key is known, every parameter is there with its shape.

A pickled `.ckpt` is turned into safetensors once, without running code from it:

    python -m to4d.guidance.dynamicrafter.official_checkpoint model.ckpt dynamicrafter_256.safetensors
"""

import argparse
import logging
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from to4d.disk.folders import weights_folder
from to4d.errors import InputError
from to4d.guidance.dynamicrafter.model import DynamiCrafterNetworks
from to4d.guidance.dynamicrafter.schedule import clip_scale, trained_share
from to4d.guidance.dynamicrafter.sizes import SIZES, ModelSize

log = logging.getLogger(__name__)
SHARE, SCALE, WRAPPER = "alphas_cumprod", "scale_arr", "_forward_module."
SCHEDULE = {"betas", SHARE, f"{SHARE}_prev", f"sqrt_{SHARE}", f"sqrt_one_minus_{SHARE}", f"log_one_minus_{SHARE}"}
SCHEDULE |= {f"sqrt_recip_{SHARE}", f"sqrt_recipm1_{SHARE}", "posterior_variance", "posterior_log_variance_clipped"}
SCHEDULE |= {"posterior_mean_coef1", "posterior_mean_coef2", SCALE}
TEXT, COPY = "cond_stage_model.model.", "embedder.model."  # the image part holds a copy of some of the text tower
COPIED = ("token_embedding.weight", "positional_embedding", "text_projection", "logit_scale")
COPIED += ("ln_final.weight", "ln_final.bias")


def canonical_keys(raw: dict) -> dict[str, Tensor]:
    """Keys of one form out of the published ones.

    Lightning keeps the parameters under "state_dict"; deepspeed under "module", each name after "_forward_module.";
    the model of 256 calls `fps_embedding` "framestride_embed".
    """
    state = raw.get("state_dict", raw.get("module", raw))
    if "module" in raw and "state_dict" not in raw:
        state = {name.removeprefix(WRAPPER): value for name, value in state.items()}
    return {name.replace("framestride_embed", "fps_embedding"): value for name, value in state.items()}


def unused_keys(expected: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Keys and shapes that checkpoints hold beside ours: a copy of the text tower's ends."""
    return {COPY + name: expected[TEXT + name] for name in COPIED}


def check_checkpoint(state: dict[str, Tensor], expected: dict[str, tuple[int, ...]], size: ModelSize) -> None:
    """Refuse what is not a checkpoint of this size.

    Raises:
        InputError: naming the first keys that are missing, unknown or of another shape, or the schedule.
    """
    known, found = expected | unused_keys(expected), {name: tuple(value.shape) for name, value in state.items()}
    wrong = {
        "is missing": [name for name in expected if name not in found],
        "is unknown": [name for name in found if name not in known and name not in SCHEDULE],
        "has another shape": [name for name in found if name in known and found[name] != known[name]],
    }
    for trouble, names in wrong.items():
        if names:
            raise InputError(
                f"these weights are not of this model: {names[0]} {trouble} (and {len(names) - 1} more); "
                "is guidance.size the size of the checkpoint?"
            )
    tables = {SHARE: trained_share(size.velocity), SCALE: clip_scale(size.base_scale)}
    for name, table in tables.items():
        if name in state and not torch.allclose(state[name][: len(table)].double().cpu(), table, atol=1e-5):
            raise InputError(f"these weights are of another size: their {name} differs; set guidance.size")


def load_networks(networks: nn.Module, state: dict[str, Tensor], size: ModelSize) -> None:
    """Give `networks` the values of a canonical checkpoint."""
    expected = {name: tuple(value.shape) for name, value in networks.state_dict().items()}
    check_checkpoint(state, expected, size)
    networks.load_state_dict({name: state[name] for name in expected}, strict=True, assign=True)


def checkpoint_path(weights: str | None, size: str) -> Path:
    """Where the weights are: as named, or where `python -m to4d.weights get` puts them.

    Raises:
        InputError: if they are not named, and not there.
    """
    path = weights_folder() / f"dynamicrafter-{size}.safetensors" if weights is None else Path(weights)
    if weights is None and not path.exists():
        raise InputError(
            f"guidance.weights is not set, and there are none at {path}; fetch them once with\n"
            f"python -m to4d.weights get dynamicrafter-{size}"
        )
    return path


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """A canonical checkpoint from safetensors."""
    if not path.exists():
        raise InputError(f"there are no weights at {path}; docs/dynamicrafter.md says where to get them")
    if path.suffix != ".safetensors":
        raise InputError(
            f"{path} is a pickle, which training does not open; convert it once:\n"
            f"python -m to4d.guidance.dynamicrafter.official_checkpoint {path} {path.with_suffix('.safetensors')}"
        )
    return canonical_keys(load_file(path))


def convert_checkpoint(source: Path, target: Path, dtype: torch.dtype | None = None, size: str | None = None) -> None:
    """Write a pickled checkpoint as safetensors, in another precision if `dtype` is given, and only if of `size`."""
    raw = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    state = canonical_keys(raw)
    if size is not None:
        expected = {name: tuple(value.shape) for name, value in DynamiCrafterNetworks(SIZES[size]).state_dict().items()}
        check_checkpoint(state, expected, SIZES[size])
    keep = {name: value for name, value in state.items() if not name.startswith(tuple(COPY + c for c in COPIED))}
    cast = {name: value if name in SCHEDULE or dtype is None else value.to(dtype) for name, value in keep.items()}
    save_file({name: value.contiguous() for name, value in cast.items()}, target)
    log.info("wrote %d tensors to %s", len(cast), target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Turn a pickled DynamiCrafter checkpoint into safetensors.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--bf16", action="store_true", help="halve the file")
    parser.add_argument("--size", choices=SIZES, help="refuse a checkpoint of another size")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    convert_checkpoint(args.source, args.target, torch.bfloat16 if args.bf16 else None, args.size)
