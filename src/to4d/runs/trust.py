"""Which code a run's `config.yaml` may call when the run is opened again: parts of to4d, each in its role, only."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from to4d.errors import InputError

HOMES = {  # group -> where the code of its parts lives
    "object": ("to4d.mesh", "to4d.objects"),
    "reference": ("to4d.render",),
    "renderer": ("to4d.render",),
    "model": ("to4d.model",),
}
CAMERAS = {"camera_schedule": ("to4d.camera_schedule",), "lens": ("to4d.lens",)}  # of a phase


def check_parts(settings: Mapping[str, Any], homes_of: Mapping[str, tuple[str, ...]] = HOMES) -> None:
    """Look at every `_target_` of the groups (plain dicts) that make a scene, or of others, before any is called.

    Raises:
        InputError: naming one that is not a part of that group.
    """
    for group, homes in homes_of.items():
        if not isinstance(settings.get(group), dict):
            raise InputError(f"the run's config.yaml does not say which {group} it has; it is damaged or foreign")
        for target in targets(settings[group]):
            if not is_part(str(target), homes):
                raise InputError(
                    f"the run's config.yaml has {group} call {target!r}, which is no {group} of to4d; "
                    "if the run is yours, or you trust who made it, say trust=true"
                )


def check_version(settings: Mapping[str, Any], folder: Path) -> None:
    """Find out whether this version of to4d has the parts of the scene of a run, whose folder is named in the error.

    Raises:
        InputError: naming one that it does not have.
    """
    for target in targets([settings.get(group) for group in HOMES]):
        if str(target).startswith("to4d.") and not exists(target):
            raise InputError(
                f"{folder} was made by an earlier version of to4d: this one has no {target}; "
                "make the run again in another folder, or use that version"
            )


def exists(target: str) -> bool:
    """Whether a dotted name stands for something.

    >>> exists("to4d.lens.OrbitLens"), exists("to4d.no_such_module.Lens")
    (True, False)
    """
    try:
        resolve_name(target)
    except (ImportError, AttributeError, ValueError):
        return False
    return True


def targets(node: Any) -> Iterator[Any]:
    """Every `_target_` in a tree of dicts and lists.

    >>> list(targets({"_target_": "a", "parts": [{"_target_": "b"}, 3]}))
    ['a', 'b']
    """
    if isinstance(node, dict):
        if "_target_" in node:
            yield node["_target_"]
        for child in node.values():
            yield from targets(child)
    elif isinstance(node, list):
        for child in node:
            yield from targets(child)


def is_part(target: str, homes: tuple[str, ...]) -> bool:
    """Whether a dotted name is a class or function that is defined in one of `homes`, not only reachable through it.

    >>> is_part("to4d.mesh.load_mesh", ("to4d.mesh",)), is_part("os.system", ("to4d.mesh",))
    (True, False)
    """
    within = tuple(home + "." for home in homes)
    if not target.startswith(within):
        return False
    try:
        defined = getattr(resolve_name(target), "__module__", None)
    except Exception:  # whatever a wrong name leads to
        return False
    return isinstance(defined, str) and (defined in homes or defined.startswith(within))
