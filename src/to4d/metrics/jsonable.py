"""Figures as JSON can hold them."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def jsonable(figures: dict[str, Any], reasons: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Replace what JSON can't hold by null, and say why in `eval/notes`.

    >>> jsonable({"eval/haze": float("inf"), "eval/psnr": [1.0, float("nan")]})["eval/notes"]
    {'eval/haze': 'inf', 'eval/psnr': 'not finite'}
    """
    clean = {name: _finite(value) for name, value in figures.items()}
    odd = {name: value for name, value in figures.items() if value is None or clean[name] != value}
    spoken = {name: str(value) if isinstance(value, float) else "not finite" for name, value in odd.items()}
    return clean | {"eval/notes": {name: reasons.get(name, text) for name, text in spoken.items()}}


def _finite(value: Any) -> Any:
    """The same with null for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
