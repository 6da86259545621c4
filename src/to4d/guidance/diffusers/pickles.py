"""Turns a pipeline of pickles, as ZeroScope's, into safetensors, once and without running code from them.

python -m to4d.guidance.diffusers.pickles FOLDER
"""

import argparse
import pickle
from pathlib import Path

import torch
from safetensors.torch import save_file

from to4d.errors import InputError

NAMES = {  # as diffusers and transformers look for them
    "diffusion_pytorch_model.bin": "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin": "model.safetensors",
}


def convert_pipeline(folder: Path) -> list[Path]:
    """Write safetensors beside the pickles of all components; returns what was written.

    Raises:
        InputError: if there is no pickle, or one that holds more than weights.
    """
    pickles = sorted(path for path in folder.glob("*/*.bin") if path.name in NAMES)
    if not pickles:
        raise InputError(f"{folder} holds no component with {' or '.join(NAMES)}; name the folder of a pipeline")
    for path in pickles:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise InputError(f"{path} holds more than weights, so it is not opened") from error
        save_file(
            {name: value.clone().contiguous() for name, value in state.items()},
            safetensors_path(path),
            {"format": "pt"},
        )
    return [safetensors_path(path) for path in pickles]


def safetensors_path(path: Path) -> Path:
    """Where a pickle's weights go."""
    return path.with_name(NAMES[path.name])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    try:
        print("\n".join(map(str, convert_pipeline(parser.parse_args().folder))))
    except InputError as wrong:
        raise SystemExit(f"error: {wrong}") from None
