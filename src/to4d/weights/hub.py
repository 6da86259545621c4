"""Downloads from the Hugging Face Hub, by its own client."""

import json
import logging
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_url, snapshot_download, try_to_load_from_cache
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from to4d.disk.files import sha256_of
from to4d.errors import InputError
from to4d.weights.hub_models import HUB, DiffusersModel

log = logging.getLogger(__name__)
COMPONENTS = ["model_index.json", "*/*.json", "*/*.safetensors", "*/*.model", "*/*.txt"]  # of a pipeline
OTHER_PRECISIONS = ["*.fp16.*", "*.non_ema.*"]


@dataclass(frozen=True)
class ExpectedFile:
    """A file of the hub, as the hub states it."""

    url: str
    size: int
    sha256: str


def look_up(repository: str, filename: str) -> ExpectedFile:
    """Size and SHA-256 of a large file on the main branch of a repository.

    Raises:
        InputError: if the hub cannot be reached, or states no SHA-256.
    """
    with reported_errors(f"{repository}/{filename}"):
        url = hf_hub_url(repository, filename, endpoint=os.environ.get("HF_ENDPOINT"))  # a mirror
        stated = get_hf_file_metadata(url)
    sha256 = re.fullmatch("[0-9a-f]{64}", stated.etag or "")
    if stated.size is None or sha256 is None:
        raise InputError(f"the hub states no size and SHA-256 of {url}")
    return ExpectedFile(url, stated.size, sha256[0])


def download_file(expected: ExpectedFile, target: Path) -> None:
    """Download to `target`, which appears only when it is complete and right; a later call resumes what broke off.

    Not by `hf_hub_download`, which starts again when its process was killed, and does not check the SHA-256.

    Raises:
        InputError: if the download fails, or what came has another SHA-256.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{expected.sha256[:12]}.part")
    with reported_errors(expected.url), partial.open("ab") as out:
        http_get(expected.url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=expected.size)
    if (found := sha256_of(partial)) != expected.sha256:
        partial.unlink()
        raise InputError(
            f"what {expected.url} sent has SHA-256 {found}, but should have {expected.sha256}: damaged, or another "
            "file; it is deleted"
        )
    os.replace(partial, target)


def download_pipeline(model: DiffusersModel, revision: str | None = None) -> str:
    """Download a pipeline's components as safetensors into the hub's cache; returns the folder.

    Files that are complete are not downloaded again.

    Raises:
        InputError: if the download fails.
    """
    if model.gated:
        log.info("first accept its terms at %s%s, then say `hf auth login`", HUB, model.repository)
    advice = ";\nsay the same command again to go on, or copy it from a machine that has it: guidance.model=FOLDER"
    with reported_errors(model.repository, advice):
        folder = snapshot_download(
            model.repository, revision=revision, allow_patterns=COMPONENTS, ignore_patterns=OTHER_PRECISIONS
        )
    log.info("done: guidance=%s finds %s by itself", model.option, folder)
    return folder


def is_cached(repository: str) -> bool:
    """Whether the hub's cache holds a pipeline with all components, none of them half downloaded."""
    index = try_to_load_from_cache(repository, "model_index.json")
    if not isinstance(index, str):
        return False
    snapshot = Path(index).parent
    components = [name for name, value in json.loads(Path(index).read_text()).items() if is_component(name, value)]
    whole = not any((snapshot.parents[1] / "blobs").glob("*.incomplete"))
    return whole and all((snapshot / name).is_dir() for name in components)


def is_component(name: str, value: object) -> bool:
    """Whether an entry of `model_index.json` names a component, which has a folder of its own.

    >>> is_component("unet", ["diffusers", "UNet2DConditionModel"]), is_component("safety_checker", [None, None])
    (True, False)
    """
    return not name.startswith("_") and isinstance(value, list) and None not in value


@contextmanager
def reported_errors(what: str, advice: str = "") -> Generator[None]:
    """Turn what the hub's client raises into one short message.

    Raises:
        InputError: instead of any other exception.
    """
    try:
        yield
    except Exception as error:  # the client's own, of its HTTP library, and OSError
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(f"fetching {what} failed ({reason}){advice}") from error
