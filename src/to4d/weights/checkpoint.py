"""From an official DynamiCrafter checkpoint on the hub to safetensors that `guidance=dynamicrafter` finds by itself."""

import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from to4d.disk.download import opened
from to4d.disk.files import sha256_of, write_atomically
from to4d.disk.folders import weights_folder
from to4d.disk.locks import build_lock
from to4d.errors import InputError
from to4d.weights.known import Checkpoint
from to4d.weights.partial_downloads import Claim, fetch_large

log = logging.getLogger(__name__)
CONVERTER = "to4d.guidance.dynamicrafter.official_checkpoint"


def get_checkpoint(name: str, known: Checkpoint, halved: bool, opener: Callable = urlopen) -> Path:
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
            found = _same_as_before(name, sha256_of(pickled), known)
            log.info("taking %s, SHA-256 %s", pickled, found)
        else:
            found = fetch(name, known, pickled, opener)
        convert(pickled, target, known.size, halved)
        record = {"url": known.url("resolve"), "sha256": found, "safetensors_sha256": sha256_of(target)}
        write_atomically(_record(name), json.dumps(record, indent=1).encode())
        pickled.unlink()
    log.info("done: guidance=%s finds %s by itself", known.option, target)
    return target


def fetch(name: str, known: Checkpoint, pickled: Path, opener: Callable) -> str:
    """Download the pickle, and say what vouches for it; returns its SHA-256.

    Raises:
        InputError: if the network fails, there is no room, or the file is not what it should be.
    """
    url = known.url("resolve")
    try:
        claim = claimed(known, opener)
        _same_as_before(name, claim.sha256, known)
        check_room(pickled.parent, claim.size)
        return _same_as_before(name, fetch_large(url, pickled, claim, opener), known)
    except OSError as error:
        raise InputError(
            f"fetching {url} failed ({error});\n"
            f"say the same command again to go on, or fetch it by other means, put it at {pickled},\n"
            "and say the same command: then no network is needed"
        ) from error


def claimed(known: Checkpoint, opener: Callable) -> Claim:
    """Size and SHA-256 as the hub states them; the hash that we know goes first."""
    with opened(known.url("raw"), opener) as source:
        text = source.read(1024).decode(errors="replace")
    size, sha256 = re.search(r"^size (\d+)$", text, re.M), re.search(r"^oid sha256:([0-9a-f]{64})$", text, re.M)
    if sha256 is None:
        log.warning("the hub states no SHA-256 of the file: it is taken as it comes, and its own is written down")
    elif known.sha256 is None:
        log.warning(
            "SHA-256 %s is the hub's own statement, at first use: no other is known to us. It is written down",
            sha256[1],
        )
    return Claim(size and int(size[1]), known.sha256 or (sha256 and sha256[1]))


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


def check_room(folder: Path, size: int | None) -> None:
    """Raise if the disk cannot hold the pickle and what it becomes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size is not None and free < 2 * size:
        raise InputError(
            f"{folder} has {free / 1e9:.1f} GB left; the download and its conversion take {2 * size / 1e9:.1f} GB. "
            "Set TO4D_CACHE to a folder on another disk"
        )


def _same_as_before(name: str, sha256: str | None, known: Checkpoint) -> str | None:
    """The hash, if it is the one that is known or was written down.

    Raises:
        InputError: if it is another.
    """
    path = _record(name)
    wanted = known.sha256 or (json.loads(path.read_text())["sha256"] if path.exists() else None)
    if None not in (wanted, sha256) and wanted != sha256:
        raise InputError(
            f"{name} has SHA-256 {sha256}, but {wanted} is the one that {path} holds: it is another file than before. "
            "If you trust it, delete that record"
        )
    return sha256


def _record(name: str) -> Path:
    return weights_folder() / f"{name}.json"
