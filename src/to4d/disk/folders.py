"""Where things are kept outside a run's own folder."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`TO4D_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("TO4D_CACHE") or Path.home() / ".cache" / "to4d")


def weights_folder() -> Path:
    """Where `python -m to4d.weights` puts checkpoints and priors look for them."""
    return cache_folder() / "weights"


def data_folder() -> Path | None:
    """`TO4D_DATA`: a folder with one sub-folder an object, if the user has one."""
    return Path(folder) if (folder := os.environ.get("TO4D_DATA")) else None
