"""Bring a static 3D object to life: a mesh and a prompt become an animated 4D asset.

>>> import to4d
>>> asset = to4d.animate("robot.glb", "a robot jumping", out="outputs/robot")  # doctest: +SKIP
>>> rigged = to4d.find_rig("lion.glb", noun="lion")  # doctest: +SKIP
>>> run = to4d.load_run("outputs/robot")  # doctest: +SKIP

Nothing heavy is imported before a function is used.
"""

from typing import TYPE_CHECKING, Any

from to4d.errors import InputError

if TYPE_CHECKING:
    from to4d.api import Asset, RiggedAsset, Run, animate, find_rig, load_run

__all__ = ["Asset", "InputError", "RiggedAsset", "Run", "animate", "find_rig", "load_run"]


def __getattr__(name: str) -> Any:
    """What `to4d.api` defines, imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'to4d' has no attribute {name!r}")
    from to4d import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
