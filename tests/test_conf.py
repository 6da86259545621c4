"""Every option of every group composes, and every key that a config names is an argument of its target."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

CONF = Path(__file__).parents[1] / "conf"
PACKAGED = {"phase", "callbacks", "logger", "export"}  # lists of options in train.yaml
OPTIONS = sorted(
    (str(path.parent.relative_to(CONF)), path.stem)
    for path in CONF.rglob("*.yaml")
    if path.parent != CONF and "hydra" not in path.parts
)

EXTRA = {
    "object/file": ["object.path=x.glb"],
    "object/gso/model": ["object.model=X"],
    "tiny/true": ["experiments=wan"],
    **{f"memory/{size}": ["experiments=3to4d"] for size in ("24g", "40g", "80g")},
}


def config(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["out=somewhere", "prompt=a plant blooming", *overrides])


def evaluation(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("evaluate", ["out=somewhere", *overrides])


def targets(node):
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield node
        for key in node:
            if not OmegaConf.is_missing(node, key):
                yield from targets(node[key])
    elif isinstance(node, ListConfig):
        for child in node:
            yield from targets(child)


def override_for(group, option):
    if group in ("object/gso", "object/data"):
        return f"object={group.removeprefix('object/')}/{option}"
    if group == "tiny":
        return f"+tiny='{option}'"
    if group in PACKAGED or group in ("experiments", "sweeps"):
        return f"{group}=[{option}]" if group != "sweeps" else f"sweeps={option}"
    return f"{group}={option}"


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_and_fits_its_target(group, option):
    extra = EXTRA.get(f"{group}/{option}", [])
    cfg = evaluation(f"measures=[{option}]") if group == "measures" else config(override_for(group, option), *extra)
    found = list(targets(cfg))
    assert found
    for node in found:
        signature = inspect.signature(get_object(node._target_))
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        names = {key for key in node if not key.startswith("_")}
        assert takes_any or names <= set(signature.parameters), f"{node._target_} takes no {names}"


def test_the_users_own_command_composes_to_the_paper_s_three_phases():
    cfg = config("object=gso/plant")
    assert list(cfg.phase) == ["static", "dynamic", "refine"]
    assert cfg.phase.dynamic.static_weight == 1e4


def test_phases_and_exports_can_be_left_out():
    cfg = config("phase=[]", "export=[]", "callbacks=[]", "logger=[]")
    assert not cfg.phase and not cfg.export and not cfg.callbacks and not cfg.logger


def test_experiments_stack():
    cfg = config("experiments=[without_mask,without_viewpoints]")
    assert cfg.mask._target_.endswith("Everywhere") and cfg.camera_schedule._target_.endswith("Uniform")
    assert list(cfg.tags)
