"""Configs become the objects that a run trains: the scene and its phases."""

import logging
from pathlib import Path
from typing import Any

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from to4d.lexicon.nouns import is_form_of
from to4d.lexicon.text import words
from to4d.phases import Phase
from to4d.prompt import make_prompt
from to4d.protocols import Field, MeshBoundField, Prior, Scene
from to4d.runs.config_nodes import chosen, plain_dict
from to4d.runs.object_file import make_object
from to4d.runs.rig_file import RIG_FILE, load_rig
from to4d.types import Mesh, Prompt, Rig, generator_at

log = logging.getLogger(__name__)


def build_scene(cfg: DictConfig, mesh: Mesh, rig: Rig | None = None) -> Scene:
    """The object, an untrained 4D model around it, a renderer for each, the prompt; a prior if a phase needs one."""
    prompt = make_prompt(cfg.prompt, mesh.noun)
    reference = instantiate(cfg.reference)(mesh)
    field = make_field(cfg.model, rig)
    if isinstance(field, MeshBoundField):
        field.bind(mesh, rig)
    renderer = instantiate(cfg.renderer)(field)
    renderer.bind(reference, generator_at(cfg.seed, 0, "surface"))
    kinds: list[Any] = [get_class(node._target_) for node in chosen(cfg.phase).values()]
    if not any(kind.needs_prior for kind in kinds):
        return Scene(reference, renderer, prompt, rig=rig)
    prior: Prior = instantiate(cfg.guidance)
    prior.check_prompt(prompt)
    warn_of_words(prior.unknown_words(prompt.text), prompt)
    return Scene(reference, renderer, prompt, prior, rig)


def reopen_scene(cfg: DictConfig, folder: Path) -> Scene:
    """`build_scene` with the object and the rig that the run in `folder` has begun with."""
    return build_scene(cfg, make_object(cfg.object, folder), load_rig(folder / RIG_FILE))


def make_field(settings: DictConfig, rig: Rig | None) -> Field:
    """The 4D model; without a rig that which a model of joints names for this case, as its setting `without_rig`."""
    if "without_rig" not in settings:
        return instantiate(settings)
    if rig is None:
        log.warning("model: %s, as there is no rig; say rig=found to insist on one", settings.without_rig._target_)
        return instantiate(settings.without_rig)
    model = plain_dict(settings, resolve=True)
    del model["without_rig"]
    return instantiate(model)


def build_phases(cfg: DictConfig, scene: Scene) -> dict[str, Phase]:
    """The phases by name, in their order, but for those in which there is nothing to train."""
    phases = {
        name: instantiate(node, name=name, scene=scene, seed=cfg.seed) for name, node in chosen(cfg.phase).items()
    }
    for name in [name for name, phase in phases.items() if not phase.is_needed]:
        log.info("%s: left out, for renderer=mesh draws the mesh itself", name)
        del phases[name]
    return phases


def warn_of_words(unknown: list[tuple[str, str]], prompt: Prompt) -> None:
    """Say which words mean nothing to the prior; the noun may be any word."""
    for word, nearest in unknown:
        if word == prompt.text:
            log.warning("the prior finds no motion that it knows in %r; it knows: %s", word, nearest)
        elif not any(is_form_of(noun, word) for noun in words(prompt.noun)):
            advice = f"the nearest that it knows is {nearest!r}" if nearest else "it knows none like it"
            log.warning("the prior has never seen the word %r; %s", word, advice)
