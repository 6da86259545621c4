"""A configuration that came with a run calls parts of to4d, each in its role, and nothing else."""

import re
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from to4d.errors import InputError
from to4d.runs.settings import check_same, write_settings
from to4d.runs.trust import HOMES, check_parts, check_version, is_part

CONF = Path(__file__).parents[1] / "conf"
OPTIONS = [
    (group, path.relative_to(CONF / group).with_suffix(""))
    for group in HOMES
    for path in (CONF / group).rglob("*.yaml")
]


def config(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["prompt=a plant blooming", *overrides])


def check(cfg):
    check_parts({group: OmegaConf.to_container(cfg[group], resolve=True) for group in HOMES})


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_part_of_ours_may_be_called(group, option):
    cfg = config(f"{group}={option}", *(["object.model=Toy"] if option.name == "model" else []))
    cfg.out = "x"
    check(cfg)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.exec",
        "to4d.objects.catalogue.os.system",  # reachable through a home, but not defined in it
        "to4d.mesh.Path.unlink",
        "to4d.disk.checkpoint.write_atomically",
        "to4d.mesh",
        "to4d.mesh.nothing",
        "to4d.meshes.load_mesh",  # only begins like a home
        "to4d.render.volume.VolumeRenderer",  # a part, but no object
        "",
    ],
)
def test_nothing_else_may_be_called(target):
    assert not is_part(target, HOMES["object"])
    cfg = config()
    cfg.out = "x"
    cfg.object = {"_target_": target}
    with pytest.raises(InputError, match=f"object.*{re.escape(repr(target))}.*trust=true"):
        check(cfg)


def test_no_detour_helps():
    cfg = config()
    cfg.out = "x"
    OmegaConf.set_struct(cfg, False)
    cfg.elsewhere = {"_target_": "os.system"}
    cfg.object.name = "${elsewhere}"
    with pytest.raises(InputError, match=r"os\.system"):
        check(cfg)
    cfg.object.name = [[{"deep": {"_target_": "os.system"}}]]
    with pytest.raises(InputError, match=r"os\.system"):
        check(cfg)


def test_a_run_of_an_earlier_version_is_named_as_one():
    settings = OLD | {"model": {"_target_": "to4d.model.gone.Field"}}
    with pytest.raises(InputError, match=r"outputs/old .*to4d\.model\.gone\.Field"):
        check_version(settings, Path("outputs/old"))
    check_version(OLD, Path("outputs/new"))


def test_a_run_of_an_earlier_version_is_not_resumed(tmp_path):
    write_settings(tmp_path, yaml.safe_dump(OLD | {"model": {"_target_": "to4d.model.gone.Field"}}))
    with pytest.raises(InputError, match=r"to4d\.model\.gone\.Field"):
        check_same(tmp_path, yaml.safe_dump(OLD))


OLD = {"object": {"_target_": "to4d.mesh.load_mesh"}, "reference": {"_target_": "to4d.render.mesh_cpu.MeshRenderer"}}
OLD |= {"renderer": {"_target_": "to4d.render.volume.VolumeRenderer"}, "model": {"_target_": "elsewhere.Field"}}
