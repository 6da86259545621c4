"""What all commands do around Hydra: plain words on the command line, one clear line when something is wrong."""

import difflib
import errno
import functools
import os
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, InstantiationException, OverrideParseException
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from to4d.errors import InputError

CONF = Path(__file__).with_name("conf")  # travels with the package: all commands and the Python API compose from it
TEXT_KEYS = ("prompt", "guidance_query.negative_prompt", "object.noun", "object.path", "object.name")
TEXT_KEYS += ("+tiny",)  # its value is the option "true"
TEXT_KEYS += ("metadata.prompt", "metadata.object.noun", "peer.folder", "peer.path", "peer.input", "peer.clip")
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}
ROOM = "free some space or choose another out=DIR; started again, the run goes on from its last autosave"
VALUED = {"-c", "--cfg", "-p", "--package", "-i", "--info"}  # flags of Hydra that a word follows
VALUED |= {"-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}


def plain_text(argument: str) -> str:
    """Quote the free text of `key=text` for Hydra, so that commas, apostrophes and brackets mean themselves.

    Text that is quoted already, a sweep `choice(...)`, a list of prompts `[..., ...]` and null stay as they are.

    >>> plain_text("prompt=up, down")
    'prompt="up, down"'
    >>> plain_text("seed=1,2")
    'seed=1,2'
    """
    key, equals, text = argument.partition("=")
    if not equals or key not in TEXT_KEYS or re.match(r"""^(".*"|'.*'|choice\(.*\)|\[.*\]|null|\s*)$""", text):
        return argument
    return f"{key}={quote(text)}"


def quote(text: str) -> str:
    """Text in Hydra's quotes, as the value of an override.

    >>> quote("jumping, up")
    '"jumping, up"'
    """
    escaped = re.sub(r'(\\*)("|$)', lambda end: 2 * end[1] + end[2].replace('"', '\\"'), text)
    return f'"{escaped}"'


def run_folder(arguments: list[str]) -> list[str]:
    """Translate `out=DIR`: it is where Hydra runs, or with -m the parent of its jobs' folders."""
    key = "hydra.sweep.dir" if {"-m", "--multirun"} & set(arguments) else "hydra.run.dir"
    return [re.sub("^out=", f"{key}=", argument) for argument in arguments]


def check_writable(arguments: list[str]) -> None:
    """Create the run folder now, if one is named.

    Raises:
        InputError: if that is not possible.
    """
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in ("hydra.run.dir", "hydra.sweep.dir"):
            try:
                Path(value).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"cannot write to out={value}: {error.strerror}") from None
            if not os.access(value, os.W_OK):
                raise InputError(f"cannot write to out={value}: no permission")


def settings_among(arguments: list[str]) -> list[str]:
    """The arguments that are settings, not Hydra's flags or their values.

    >>> settings_among(["seed=1", "--cfg", "job", "-m"])
    ['seed=1']
    """
    return [a for before, a in pairwise(["", *arguments]) if not a.startswith("-") and before not in VALUED]


@contextmanager
def composing() -> Generator[None]:
    """Let `hydra.compose` read `CONF`; Hydra's global state is left as it was, inside another Hydra program too."""
    outer, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra, VersionBase.instance().version_base = outer, base


def compose_config(name: str, settings: list[str]) -> DictConfig:
    """The configuration `name` with overrides.

    Raises:
        InputError: naming the unknown key or option and the nearest known ones.
    """
    with composing():
        try:
            return compose(name, settings)
        except OverrideParseException as error:
            raise InputError(
                f"cannot read the setting {error.override!r}; text with special signs needs quotes"
            ) from None
        except HydraException as error:
            known = setting_names(OmegaConf.to_container(compose(name, ["out=DIR"])))
            raise InputError(explain_hydra_error(f"{error}\n{error.__cause__}", known)) from None


def explain_hydra_error(text: str, settings: list[str]) -> str:
    """Hydra's message in one or two lines, with the nearest known name where a name is unknown."""
    if option := re.search(r"Could not (?:find|load) '([^/']*)/([^']*)'", text):
        group = CONF / option[1]
        known = sorted(str(path.relative_to(group).with_suffix("")) for path in group.rglob("*.yaml"))
        return f"{option[1]} has no option {option[2]!r}; {nearest(option[2], known)}"
    if key := re.search(r"Key '[^']*' (?:is not in struct|not in .*)\s+full_key: (\S+)", text):
        if key[1] in settings:
            return f"there is no setting {key[1]!r} here: other settings leave out what it belongs to; see --cfg job"
        close = difflib.get_close_matches(key[1], settings, 1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        return f"there is no setting {key[1]!r}; {guess}See all settings with --cfg job"
    return " ".join(text.split("\n\n")[0].split())


def nearest(word: str, known: list[str]) -> str:
    """What may have been meant.

    >>> nearest("hash5d", ["deform", "hash4d"])
    "did you mean 'hash4d'? Known: deform, hash4d"
    """
    close = difflib.get_close_matches(word, known, 1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(known)}"


def setting_names(node: object, prefix: str = "") -> list[str]:
    """The names of all settings of a nested config.

    >>> setting_names({"phase": {"steps": 3}, "seed": 0})
    ['phase', 'phase.steps', 'seed']
    """
    if not isinstance(node, dict):
        return []
    names = [(f"{prefix}{key}", child) for key, child in node.items()]
    return [n for name, child in names for n in (name, *setting_names(child, f"{name}."))]


def command(main: Callable[[], None], name: str) -> None:
    """Run a Hydra main, whose configuration is `name`, on the cleaned-up command line."""
    sys.argv[1:] = run_folder([plain_text(argument) for argument in sys.argv[1:]])
    try:
        if not {"-m", "--multirun", "-h", "--help", "--hydra-help"} & set(sys.argv):
            compose_config(name, settings_among(sys.argv[1:]))  # for the sake of the message if that fails
        check_writable(sys.argv[1:])
    except InputError as error:
        sys.exit(print_error(str(error)))
    main()


def one_line_message(error: InstantiationException) -> str:
    """The message of a part that could not be made, and the setting that it was made from."""
    cause, key = error.__cause__ or error, re.search(r"full_key: (\S+)", str(error))
    text = " ".join(str(cause).split("\n\n")[0].split())
    if key and (unknown := re.match(r"(\S+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text)):
        return f"there is no setting '{key[1]}.{unknown[2]}': {unknown[1]}, which {key[1]} is here, does not take it"
    return str(cause) if isinstance(cause, InputError) else f"{key[1]}: {text}" if key else text


def print_error(message: str) -> int:
    """Print what was wrong; returns the exit status."""
    print(f"error: {message}", file=sys.stderr)
    return 2


@contextmanager
def input_errors() -> Generator[None]:
    """Raise whatever the user can mend as an InputError.

    Raises:
        InputError: for settings that do not fit together or that a part refuses, and for a disk that is full.
    """
    try:
        yield
    except InstantiationException as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        raise InputError(one_line_message(error)) from error
    except OmegaConfBaseException as error:
        raise InputError(f"the settings do not fit together: {' '.join(str(error).split())}") from error
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise InputError(f"cannot write {error.filename or 'to the disk'}: {error.strerror}; {ROOM}") from error


def report_user_errors(task: Callable) -> Callable:
    """A Hydra task that ends on bad input, or where it cannot write, with the message alone and status 2."""

    @functools.wraps(task)
    def wrapped(cfg: object) -> object:
        try:
            with input_errors():
                return task(cfg)
        except InputError as error:
            sys.exit(print_error(str(error)))

    return wrapped
