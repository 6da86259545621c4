"""Weights of networks that measure: fetched as they are published, into the folder where `evaluate.py` finds them."""

import logging
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from to4d.disk.locks import build_lock
from to4d.errors import InputError
from to4d.metrics.networks.pretrained_files import HUB, PretrainedFile
from to4d.weights.checkpoint import claimed
from to4d.weights.partial_downloads import Claim, fetch_large

log = logging.getLogger(__name__)


def get_official(known: PretrainedFile, opener: Callable = urlopen) -> Path:
    """Fetch one, unless it is there.

    Raises:
        InputError: if the network fails, or the file is not what it should be.
    """
    with build_lock(known.path):
        if known.path.exists():
            log.info("%s is there", known.path)
            return known.path
        url = known.url("resolve")
        log.info("%s: %s; terms: %s", known.about, url, known.terms)
        try:
            claim = claimed(known, opener) if url.startswith(HUB) else Claim(sha256=known.sha256)
            found = fetch_large(url, known.path, claim, opener)
        except OSError as error:
            raise InputError(
                f"fetching {url} failed ({error}); say the same command again to go on, or put the file at {known.path}"
            ) from error
    log.info("done: %s, SHA-256 %s", known.path, found)
    return known.path
