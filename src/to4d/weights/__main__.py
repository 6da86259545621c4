"""`python -m to4d.weights list`, `python -m to4d.weights get NAME`."""

import argparse
import logging
import sys

from to4d.cli import nearest, print_error
from to4d.disk.folders import weights_folder
from to4d.errors import InputError
from to4d.metrics.networks.pretrained_files import PRETRAINED, PretrainedFile
from to4d.weights.checkpoint import get_checkpoint
from to4d.weights.hub import get_repository
from to4d.weights.known import CHECKPOINTS, REPOSITORIES, Checkpoint, Repository
from to4d.weights.metrics import get_official

log = logging.getLogger("to4d.weights")


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m to4d.weights", description="Weights of large priors, and of networks that measure."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is, and on what terms")
    get = commands.add_parser("get", help="fetch one")
    get.add_argument("name", help="of the list, metrics, or owner/name of another pipeline on the hub")
    get.add_argument("--bf16", action="store_true", help="DynamiCrafter: write half the bytes")
    get.add_argument("--revision", help="of the hub's repository of a pipeline")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        if args.command == "list":
            show()
        else:
            fetch(args.name, args.bf16, args.revision)
    except InputError as error:
        return print_error(str(error))
    return 0


def show() -> None:
    """A line or two for each."""
    for name, known in PRETRAINED.items():
        print(f"{name}{' (here)' * known.path.exists()}: {known.about}; `get metrics` fetches all of these")
        print(f"    {known.address}; {known.terms}")
    for name, known in {**CHECKPOINTS, **REPOSITORIES}.items():
        here = " (here)" if (weights_folder() / f"{name}.safetensors").exists() else ""
        print(f"{name}{here}: {known.about}; guidance={known.option}")
        print(f"    https://huggingface.co/{known.repository}; {known.terms}")


def fetch(name: str, halved: bool, revision: str | None) -> None:
    """Tell the terms, and fetch.

    Raises:
        InputError: if there is none of that name, or it cannot be had.
    """
    known = wanted(name)
    if halved and not isinstance(known, Checkpoint):
        raise InputError("--bf16 is for DynamiCrafter's files; halve a pipeline with guidance.precision=bfloat16")
    if revision and not isinstance(known, Repository):
        raise InputError("--revision is for pipelines of diffusers; there is one file of this model")
    if isinstance(known, list):
        for official in known:
            get_official(official)
        return
    log.info("%s from https://huggingface.co/%s", name, known.repository)
    log.info("terms: %s; its page there decides", known.terms)
    if isinstance(known, Checkpoint):
        get_checkpoint(name, known, halved)
    else:
        get_repository(known, revision)


def wanted(name: str) -> Checkpoint | Repository | list[PretrainedFile]:
    """What is known under a name, or any repository of the hub; of networks that measure, one or all.

    Raises:
        InputError: if it is neither.
    """
    if known := {**CHECKPOINTS, **REPOSITORIES}.get(name):
        return known
    if name == "metrics" or name in PRETRAINED:
        return list(PRETRAINED.values()) if name == "metrics" else [PRETRAINED[name]]
    if name.count("/") == 1:
        same = [known for known in REPOSITORIES.values() if known.repository == name]
        return same[0] if same else Repository(name, f"... guidance.model={name}", "", "not known to us")
    raise InputError(
        f"there are no weights called {name!r}; {nearest(name, ['metrics', *CHECKPOINTS, *REPOSITORIES, *PRETRAINED])}"
    )


if __name__ == "__main__":
    sys.exit(main())
