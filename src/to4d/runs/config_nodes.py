"""Nodes of a configuration: the chosen parts of a group, and plain dicts."""

from typing import Any, cast

from omegaconf import DictConfig, OmegaConf


def chosen(group: DictConfig) -> dict[str, DictConfig]:
    """The parts of `phase`, `export`, `callbacks` or `logger` by name.

    An experiment may have settings for a part that the command line then leaves out, as in
    `experiments=3to4d export=[]`: these have no `_target_`.
    """
    return {str(name): part for name, part in group.items() if part is not None and "_target_" in part}


def plain_dict(cfg: DictConfig, resolve: bool = False) -> dict[str, Any]:
    """A configuration as nested dicts and lists; with `resolve`, what `${...}` stands for in its place."""
    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=resolve))
