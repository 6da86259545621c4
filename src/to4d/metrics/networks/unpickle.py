"""Tensors of a PyTorch checkpoint as safetensors: `python -m to4d.metrics.networks.unpickle SOURCE TARGET [INSIDE]`.

Official weights of networks that measure are published as pickles. They are opened here alone, in a process of its own
that runs no code from them.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import load_file, save_file
from torch import Tensor, load


def tensors_of(path: Path, inside: str = "") -> dict[str, Tensor]:
    """All of a pickled checkpoint, or of the part of it that is called `inside`.

    Raises:
        ValueError: with the reason if it cannot be read so.
    """
    with TemporaryDirectory(prefix="to4d-") as folder:
        target = Path(folder) / "weights.safetensors"
        done = subprocess.run([sys.executable, "-m", __name__, path, target, inside], capture_output=True, text=True)
        if done.returncode:
            raise ValueError((done.stderr.strip().splitlines() or ["killed"])[-1])
        return load_file(target)


if __name__ == "__main__":
    source, target, inside = sys.argv[1:]
    found = load(source, map_location="cpu", weights_only=True)
    found = found[inside] if inside else found
    save_file({key: value.contiguous().clone() for key, value in found.items()}, target)
