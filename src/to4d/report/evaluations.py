"""Files of metrics, and whether two evaluations measured in the same way."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from to4d.disk.files import read_checked
from to4d.errors import InputError

COMPARABLE = ("views", "frames", "fps")  # what evaluations have to share to be compared


def common_source(folders: Iterable[Path]) -> str:
    """`evaluation.json` if every run has one and all were measured in the same way; else `metrics.json`."""
    paths = [folder / "evaluation.json" for folder in folders]
    if not all(path.is_file() for path in paths):
        return "metrics.json"
    first, *others = (read_json(path).get("recipe", {}) for path in paths)
    return "evaluation.json" if all(same_recipe(first, other) for other in others) else "metrics.json"


def same_recipe(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations measured in the same way, and with the same networks where both used networks.

    >>> recipe = {"views": [0, 90], "frames": 16, "fps": 8, "measures": {"clip": {"network": "ViT-B-32"}}}
    >>> same_recipe(recipe, recipe | {"measures": {}})
    True
    >>> same_recipe(recipe, recipe | {"measures": {"clip": {"network": "ViT-L-14"}}})
    False
    """
    by = [{k: v for k, v in recipe.get("measures", {}).items() if "network" in v} for recipe in (one, other)]
    same = all(one.get(key) == other.get(key) for key in COMPARABLE)
    return same and all(by[0][name] == by[1][name] for name in by[0].keys() & by[1].keys())


def read_json(path: Path) -> dict[str, Any]:
    """What a file of metrics holds.

    Raises:
        InputError: if it is damaged.
    """
    try:
        return dict(json.loads(read_checked(path)))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); leave its run out of runs=...") from error
