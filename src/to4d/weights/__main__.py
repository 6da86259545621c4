"""`python -m to4d.weights list`, `python -m to4d.weights get NAME`."""

import argparse
import logging
import sys

from to4d.cli import nearest, print_error
from to4d.disk.folders import weights_folder
from to4d.errors import InputError
from to4d.metrics.networks.pretrained_files import PRETRAINED, PretrainedFile
from to4d.weights.dynamicrafter import get_dynamicrafter
from to4d.weights.hub import download_pipeline, is_cached
from to4d.weights.hub_models import DIFFUSERS, DYNAMICRAFTER, HUB, DiffusersModel, DynamiCrafterModel
from to4d.weights.metric_networks import get_network

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
            print_list()
        else:
            get_weights(args.name, args.bf16, args.revision)
    except InputError as error:
        return print_error(str(error))
    return 0


def print_list() -> None:
    """Print what there is, two lines each: what it is and whether it is here; where from and on what terms."""
    for name, network in PRETRAINED.items():
        print_entry(name, network.path.exists(), f"{network.description}; `get metrics` fetches all of these")
        print(f"    {network.address}; {network.license}")
    for name, model in {**DYNAMICRAFTER, **DIFFUSERS}.items():
        print_entry(name, is_here(name, model), f"{model.about}; guidance={model.option}")
        print(f"    {HUB}{model.repository}; {model.terms}")


def print_entry(name: str, here: bool, about: str) -> None:
    """The first line of an entry."""
    print(f"{name}{' (here)' if here else ''}: {about}")


def is_here(name: str, model: DynamiCrafterModel | DiffusersModel) -> bool:
    """Whether a prior would find the model on this machine."""
    if isinstance(model, DiffusersModel):
        return is_cached(model.repository)
    return (weights_folder() / f"{name}.safetensors").exists()


def get_weights(name: str, halved: bool, revision: str | None) -> None:
    """Show the terms, and fetch.

    Raises:
        InputError: if there is none of that name, or it cannot be had.
    """
    found = find(name)
    if halved and not isinstance(found, DynamiCrafterModel):
        raise InputError("--bf16 is for DynamiCrafter's files; halve a pipeline with guidance.precision=bfloat16")
    if revision and not isinstance(found, DiffusersModel):
        raise InputError("--revision is for pipelines of diffusers; there is one file of this model")
    if isinstance(found, list):
        for network in found:
            get_network(network)
        return
    log.info("%s from %s%s", name, HUB, found.repository)
    log.info("terms: %s; its page there decides", found.terms)
    if isinstance(found, DynamiCrafterModel):
        get_dynamicrafter(name, found, halved)
    else:
        download_pipeline(found, revision)


def find(name: str) -> DynamiCrafterModel | DiffusersModel | list[PretrainedFile]:
    """What is known under a name, or any pipeline of the hub; of networks that measure, one or all.

    Raises:
        InputError: if it is neither.
    """
    models = {**DYNAMICRAFTER, **DIFFUSERS}
    if name in models:
        return models[name]
    if name == "metrics" or name in PRETRAINED:
        return list(PRETRAINED.values()) if name == "metrics" else [PRETRAINED[name]]
    if name.count("/") == 1:
        same = [model for model in DIFFUSERS.values() if model.repository == name]
        return same[0] if same else DiffusersModel(name, f"... guidance.model={name}", "", "not known to us")
    raise InputError(f"there are no weights called {name!r}; {nearest(name, ['metrics', *models, *PRETRAINED])}")


if __name__ == "__main__":
    sys.exit(main())
