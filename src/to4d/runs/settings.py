"""Whether the run in a folder has the settings that it is to be resumed, or taken, with."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import AliasEvent, SafeLoader, YAMLError, parse

from to4d.disk.files import read_checked, write_atomically, write_sums
from to4d.disk.source_hash import package_hash
from to4d.errors import BROKEN, InputError
from to4d.runs.config_nodes import plain_dict
from to4d.runs.out_of_memory import SETTINGS
from to4d.runs.trust import check_version

# Of which a run may be resumed with another value, for they change nothing about what comes of it.
FREE = {*SETTINGS, "volume.chunk", "volume.recompute", "view", "callbacks.live.enabled", "skip_finished"}
CODE = "code.sha256"  # in the folder of a run: `package_hash` of the code that it was started with
MAX_BYTES = 2**20  # of a config.yaml; ours have some 10,000
log = logging.getLogger(__name__)


def check_folder(out: Path, text: str) -> None:
    """Find out whether the run folder is new or can be resumed with the configuration `text`.

    Raises:
        InputError: if it holds a finished run, or one of another configuration.
    """
    if (out / "metrics.json").exists():
        raise InputError(f"{out} holds a finished run; choose another out=DIR, or delete it to start again")
    check_same(out, text)


def write_settings(out: Path, text: str) -> dict[str, bytes]:
    """Write the configuration `text` of a run into its folder, and which code it is started with; returns the files."""
    files = {"config.yaml": text.encode(), CODE: package_hash().encode()}
    write_sums(out, files)
    for name, data in files.items():
        write_atomically(out / name, data)
    return files


def write_metrics(out: Path, metrics: dict[str, Any], files: Mapping[str, bytes]) -> None:
    """Write `metrics.json` of a run, by which it is finished; `files` are what `write_settings` wrote."""
    data = json.dumps(metrics, indent=1).encode()
    write_sums(out, {**files, "metrics.json": data})
    write_atomically(out / "metrics.json", data)


def check_code(out: Path) -> None:
    """Find out whether the finished run in a folder was made by this very code; one that cannot tell is let pass.

    Raises:
        InputError: if not.
    """
    try:
        code = read_checked(out / CODE).decode()
    except InputError as error:
        log.warning("%s; whether the run was made by this code is not known", error)
        return
    if code != package_hash():
        raise InputError(
            f"{out} holds a run that another version of to4d's code made, so it cannot stand for one of this code; "
            "delete the folder to make it again, or choose another out=DIR"
        )


def check_same(out: Path, text: str) -> None:
    """Compare the configuration of the run in a folder, if there is one, with the configuration `text`.

    Raises:
        InputError: naming settings that differ, or if an earlier version of to4d made the run.
    """
    path = out / "config.yaml"
    if path.exists() and (differing := differences(found := read_settings(path), DictConfig(OmegaConf.create(text)))):
        check_version(plain_dict(found), out)
        raise InputError(
            f"{out} belongs to a run with another configuration, different in {', '.join(differing[:5])};\n"
            "give the same settings to resume it, or choose another out=DIR"
        )


def read_settings(path: Path) -> DictConfig:
    """The `config.yaml` of a run: plain settings, for a run resolves what it writes.

    Raises:
        InputError: if it is damaged, or has aliases (they can fill the memory) or `${...}` (they can ask for anything).
    """
    text = read_checked(path)
    try:
        plain = len(text) <= MAX_BYTES and not any(isinstance(event, AliasEvent) for event in parse(text, SafeLoader))
        settings = OmegaConf.create(text.decode()) if plain else None
        if isinstance(settings, DictConfig) and settings and not interpolated(OmegaConf.to_container(settings)):
            return settings
    except (YAMLError, OmegaConfBaseException, AssertionError, *BROKEN):  # a bare number or true is asserted not to be
        pass
    raise InputError(f"{path} is damaged; to resume its run, delete it and give the same settings again")


def interpolated(node: Any) -> bool:
    """Whether a string in a tree of dicts and lists asks OmegaConf for something.

    >>> interpolated({"a": [1, "${oc.env:HOME}"]}), interpolated({"a": "plain"})
    (True, False)
    """
    if isinstance(node, dict):
        return any(map(interpolated, node.values()))
    return any(map(interpolated, node)) if isinstance(node, list) else isinstance(node, str) and "${" in node


def check_seed(seed: Any) -> int:
    """The seed.

    Raises:
        InputError: if it is no natural number.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed={seed!r} is not a whole number from 0 to {2**32 - 1}")
    return seed


def differences(a: DictConfig, b: DictConfig) -> list[str]:
    """Dotted names of the leaves on which two configs differ, but for those that are free, shortest first."""
    left, right = leaves(OmegaConf.to_container(a)), leaves(OmegaConf.to_container(b))
    keys = (left.keys() | right.keys()) - FREE
    differing = (key for key in keys if left.get(key, ...) != right.get(key, ...))
    return sorted(differing, key=lambda key: (key.count("."), key))


def leaves(node: Any, prefix: str = "") -> dict[str, Any]:
    """A nested dict as dotted names and values.

    >>> leaves({"phase": {"dynamic": {"steps": 3}}, "seed": 0})
    {'phase.dynamic.steps': 3, 'seed': 0}
    """
    if not isinstance(node, Mapping) or not node:
        return {prefix: node}
    return {k: v for key, child in node.items() for k, v in leaves(child, f"{prefix}.{key}".strip(".")).items()}
