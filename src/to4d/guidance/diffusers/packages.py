"""The packages behind these priors, which only they need: the extra `priors`."""

from importlib import import_module
from types import ModuleType

from to4d.errors import InputError


def import_package(name: str) -> ModuleType:
    """The package, imported when it is first asked for: that takes seconds.

    Raises:
        InputError: if it is not there, or is one that these priors do not work with.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"this prior needs the package {name} ({error}); install what such priors need: pip install -e '.[priors]'"
        ) from error
