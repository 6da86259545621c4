"""A family's pipeline: from this machine, from the hub if that is asked for, or tiny."""

from typing import Any

import torch

from to4d.errors import InputError
from to4d.guidance.diffusers.family import ModelFamily
from to4d.guidance.diffusers.packages import import_package


def load_pipeline(family: ModelFamily, model: str, revision: str | None, download: bool, dtype: torch.dtype) -> Any:
    """The pipeline, its autoencoder in float32. Only safetensors are opened, and no code that comes with a model.

    Args:
        family: of the model.
        model: its name on the hub, or a folder.
        revision: of the hub's repository; None is its newest, or the one that is here.
        download: whether to fetch what is not here.
        dtype: of the other components.

    Raises:
        InputError: if the model is not here and may not or cannot be fetched.
    """
    pipeline = getattr(import_package("diffusers"), family.pipeline)
    precisions = {"default": dtype, "vae": torch.float32}
    try:
        return pipeline.from_pretrained(
            model, revision=revision, local_files_only=not download, use_safetensors=True, dtype=precisions
        )
    except OSError as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"the model {model!r} cannot be loaded from this machine ({reason});\n"
            f"fetch it with `python -m to4d.weights get {model}` (or guidance.download=true) where there is a network, "
            "or name a folder that holds it: guidance.model=FOLDER"
        ) from error
