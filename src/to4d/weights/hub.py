"""A pipeline of diffusers from the hub, by its own client, into its own cache: where priors look for it."""

import logging

from to4d.errors import InputError
from to4d.weights.known import Repository

log = logging.getLogger(__name__)
WANTED = ["model_index.json", "*/*.json", "*/*.safetensors", "*/*.model", "*/*.txt"]  # of the components alone
UNWANTED = ["*.fp16.*", "*.non_ema.*"]  # copies in other precisions


def get_repository(known: Repository, revision: str | None = None) -> str:
    """Fetch a pipeline's components as safetensors; returns the folder. It goes on where it stopped.

    Raises:
        InputError: if the hub's client is not installed, or fetching fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise InputError("this needs the packages of such priors: pip install -e '.[priors]'") from error
    if known.gated:
        log.info("first accept its terms at https://huggingface.co/%s, then say `hf auth login`", known.repository)
    try:
        folder = snapshot_download(known.repository, revision=revision, allow_patterns=WANTED, ignore_patterns=UNWANTED)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"fetching {known.repository} failed ({reason});\nsay the same command again to go on, or copy the "
            "repository from a machine that has it and say guidance.model=FOLDER"
        ) from error
    log.info("done: guidance=%s finds %s by itself", known.option, folder)
    return folder
