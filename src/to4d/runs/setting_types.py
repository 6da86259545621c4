"""Settings have the types that the parts' constructors declare: a wrong one is found before any work is done."""

import types
from collections.abc import Iterator, Mapping, Sequence
from inspect import isclass
from pkgutil import resolve_name
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from to4d.errors import InputError


def check_types(settings: Mapping[str, Any], prefix: str = "") -> None:
    """Compare the settings (nested plain dicts) of all parts of to4d with the annotations of their constructors.

    Raises:
        InputError: naming the first setting that does not fit.
    """
    for name, value, hint in declared(settings, prefix):
        if not fits(value, hint):
            wanted = getattr(hint, "__name__", None) if isclass(hint) and not get_args(hint) else None
            raise InputError(f"{name}={shown(value)} is of the wrong type: it takes {wanted or hint}")


def declared(node: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, value, annotation) of every setting that a constructor of to4d declares."""
    if isinstance(node, Mapping):
        hints = constructor_hints(str(node["_target_"])) if "_target_" in node else {}
        for key, child in node.items():
            name = f"{prefix}.{key}".strip(".")
            if key in hints:
                yield name, child, hints[key]
            yield from declared(child, name)
    elif isinstance(node, (list, tuple)):
        for number, child in enumerate(node):
            yield from declared(child, f"{prefix}.{number}")


def constructor_hints(target: str) -> dict[str, Any]:
    """The annotations of a class' constructor, those of its parents among them, or of a function; {} if not of to4d.

    >>> constructor_hints("to4d.lens.OrbitLens")["distance"]
    <class 'float'>
    """
    if not target.startswith("to4d."):
        return {}
    try:
        part = resolve_name(target)
    except (ImportError, AttributeError, ValueError):  # Hydra says what is wrong with it
        return {}
    makers = [base.__init__ for base in reversed(part.__mro__)] if isclass(part) else [part]
    hints = [get_type_hints(maker) for maker in makers if isinstance(maker, types.FunctionType)]
    return {name: hint for each in hints for name, hint in each.items() if name != "return"}


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain value can be what an annotation says; annotations that are not of plain values fit all but None.

    >>> fits(3, float), fits("3", float), fits([1, 2], tuple[int, int]), fits(None, int | None)
    (True, False, True, True)
    """
    if isinstance(value, Mapping) and "_target_" in value:  # a part, which is yet to be made
        return True
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, str):
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in arguments)
    if origin is Literal:
        return value in arguments
    if hint in (None, type(None)) or value is None:
        return value is None and hint in (None, type(None))
    return fits_several(value, origin, arguments) if origin else fits_one(value, hint)


def fits_one(value: Any, hint: Any) -> bool:
    """`fits` of a type without arguments."""
    if hint is bool or isinstance(value, bool):
        return isinstance(value, bool) and hint not in (int, float, str)
    if hint is float:
        return isinstance(value, (int, float))
    return isinstance(value, hint) if hint in (int, str) else True


def fits_several(value: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    """`fits` of a tuple, a sequence or a mapping; what these hold fits too."""
    if origin is tuple and arguments[-1:] != (Ellipsis,):
        right = isinstance(value, (list, tuple)) and len(value) == len(arguments)
        return right and all(fits(item, hint) for item, hint in zip(value, arguments, strict=True))
    if isclass(origin) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(fits(item, arguments[-1]) for item in value.values())
    if isclass(origin) and issubclass(origin, Sequence):
        return isinstance(value, (list, tuple)) and all(fits(item, arguments[0]) for item in value)
    return True


def shown(value: Any) -> str:
    """A value as it is said on the command line.

    >>> shown(None), shown("x"), shown([64])
    ('null', 'x', '[64]')
    """
    return "null" if value is None else str(value)
