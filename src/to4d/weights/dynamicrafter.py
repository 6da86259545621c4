"""From an official DynamiCrafter checkpoint on the hub to safetensors that `guidance=dynamicrafter` finds by itself."""

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

from to4d.disk.files import sha256_of, write_atomically
from to4d.disk.folders import weights_folder
from to4d.disk.locks import build_lock
from to4d.errors import InputError
from to4d.weights import hub
from to4d.weights.hub_models import HUB, DynamiCrafterModel

log = logging.getLogger(__name__)
CONVERTER = "to4d.guidance.dynamicrafter.official_checkpoint"


def get_dynamicrafter(name: str, model: DynamiCrafterModel, halved: bool) -> Path:
    """Fetch, check and convert one; a file that the user put at its place is taken instead of the network.

    Raises:
        InputError: if that fails.
    """
    target, pickled = weights_folder() / f"{name}.safetensors", weights_folder() / f"{name}.ckpt"
    with build_lock(target):
        if target.exists():
            log.info("%s is there", target)
            return target
        if pickled.exists():
            sha256 = sha256_of(pickled)
            check_unchanged(name, sha256)
            log.info("taking %s, SHA-256 %s", pickled, sha256)
        else:
            sha256 = download(name, model, pickled)
        convert(pickled, target, model.size, halved)
        record = {"url": f"{HUB}{model.repository}", "sha256": sha256, "safetensors_sha256": sha256_of(target)}
        write_atomically(record_path(name), json.dumps(record, indent=1).encode())
        pickled.unlink()
    log.info("done: guidance=%s finds %s by itself", model.option, target)
    return target


def download(name: str, model: DynamiCrafterModel, pickled: Path) -> str:
    """Download the pickle and hold it to what the hub states of it; returns its SHA-256.

    Raises:
        InputError: if the network fails, there is no room, or the file is not what it should be.
    """
    try:
        expected = hub.look_up(model.repository, model.file)
        check_unchanged(name, expected.sha256)
        check_room(pickled.parent, expected.size)
        log.info("SHA-256 %s is the hub's own statement; it is written down, no other is published", expected.sha256)
        hub.download_file(expected, pickled)
    except InputError as error:
        raise InputError(
            f"{error};\nsay the same command again to go on, or put the file at {pickled} and say the same command: "
            "then no network is needed"
        ) from error
    return expected.sha256


def convert(pickled: Path, target: Path, size: str, halved: bool) -> None:
    """Write safetensors in a process of its own, which runs no code from the pickle.

    Raises:
        InputError: if the pickle cannot be read so, or does not hold this model.
    """
    log.info("converting, in a process of its own")
    fresh = target.with_name(f".{target.name}.tmp")
    command = [sys.executable, "-m", CONVERTER, pickled, fresh, "--size", size, *(["--bf16"] if halved else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fresh.unlink(missing_ok=True)
        reason = (done.stderr.strip().splitlines() or ["killed"])[-1]
        raise InputError(f"{pickled} could not be converted ({reason}); delete it and try again")
    fresh.replace(target)


def check_room(folder: Path, size: int) -> None:
    """Raise if the disk cannot hold the pickle and what it becomes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise InputError(
            f"{folder} has {free / 1e9:.1f} GB left; the download and its conversion take {2 * size / 1e9:.1f} GB. "
            "Set TO4D_CACHE to a folder on another disk"
        )


def check_unchanged(name: str, sha256: str) -> None:
    """Hold a file to the SHA-256 that was written down when it was first fetched, if it was.

    Raises:
        InputError: if it has another.
    """
    path = record_path(name)
    recorded = json.loads(path.read_text())["sha256"] if path.exists() else sha256
    if recorded != sha256:
        raise InputError(
            f"{name} has SHA-256 {sha256}, but {recorded} is what {path} holds: it is another file than before; "
            "if you trust it, delete that record"
        )


def record_path(name: str) -> Path:
    """Where the SHA-256 of what was fetched is written down."""
    return weights_folder() / f"{name}.json"
