"""Which parts of a group of the configuration are chosen."""

from omegaconf import DictConfig


def chosen(group: DictConfig) -> dict[str, DictConfig]:
    """The parts of `phase`, `export`, `callbacks` or `logger` by name.

    An experiment may have settings for a part that the command line then leaves out, as in
    `experiments=3to4d export=[]`: these have no `_target_`.
    """
    return {str(name): part for name, part in group.items() if part is not None and "_target_" in part}
