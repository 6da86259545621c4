"""Every option of every group composes, and every key that a config names is an argument of its target."""

import inspect
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

CONF = Path(__file__).parents[1] / "conf"
PACKAGED = {"phase", "callbacks", "logger", "export"}  # lists of options in train.yaml
FILES = {*CONF.rglob("*.yaml"), *(CONF / "experiments").glob("*.yaml")}  # the latter are behind a link
OPTIONS = sorted(
    (str(path.parent.relative_to(CONF)), path.stem)
    for path in FILES
    if path.parent != CONF and not {"hydra", "sweeps"} & set(path.parts)  # sweeps have tests of their own
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
    if group in PACKAGED or group == "experiments":
        return f"{group}=[{option}]"
    return f"{group}={option}"


def with_option(group, option):
    """The configuration that has it; a file that refers to no other is what it composes to, and read alone: quicker."""
    path = CONF / group / f"{option}.yaml"
    if not re.search(r"^defaults:|\$\{|@package _global_", path.read_text(), re.M):
        return OmegaConf.load(path)
    if group == "measures":
        return evaluation(f"measures=[{option}]")
    if group == "peer":
        return evaluation(f"peer={option}", "metadata.prompt=a fox walking", "metadata.object.noun=fox")
    return config(override_for(group, option), *EXTRA.get(f"{group}/{option}", []))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_and_fits_its_target(group, option):
    found = list(targets(with_option(group, option)))
    assert found
    for node in found:
        signature = inspect.signature(get_object(node._target_))
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        names = {key for key in node if not key.startswith("_")} - {"without_rig"}  # read by `runs.build.make_field`
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
    assert cfg.mask._target_.endswith("NoMask") and cfg.camera_schedule._target_.endswith("Uniform")
    assert list(cfg.tags)
