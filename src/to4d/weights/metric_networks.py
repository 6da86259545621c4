"""Weights of networks that measure: fetched as they are published, into the folder where `evaluate.py` finds them."""

import logging
from pathlib import Path

from to4d.disk.download import download
from to4d.disk.files import sha256_of
from to4d.disk.locks import build_lock
from to4d.errors import InputError
from to4d.metrics.networks.pretrained_files import HUB, PretrainedFile
from to4d.weights import hub

log = logging.getLogger(__name__)


def get_network(known: PretrainedFile) -> Path:
    """Fetch one; a file that is at its place already is checked.

    Raises:
        InputError: if the download fails, or the file is not what it should be.
    """
    with build_lock(known.path):
        if known.path.exists():
            check(known)
            log.info("%s is there", known.path)
            return known.path
        log.info("%s: %s; terms: %s", known.description, known.address, known.license)
        try:
            if known.address.startswith(HUB):
                hub.download_file(hub.look_up(*known.address.removeprefix(HUB).split("/resolve/main/")), known.path)
            else:
                download(known.address, known.path, known.sha256)
        except (InputError, OSError) as error:
            raise InputError(f"{error};\nsay the same command again, or put the file at {known.path}") from error
    log.info("done: %s, SHA-256 %s", known.path, sha256_of(known.path))
    return known.path


def check(known: PretrainedFile) -> None:
    """Hold the file at its place to the SHA-256 that is known.

    Raises:
        InputError: if it has another.
    """
    if known.sha256 and (found := sha256_of(known.path)) != known.sha256:
        raise InputError(f"{known.path} has SHA-256 {found}, but should have {known.sha256}; delete it and try again")
