"""The rules of the house: an import points down, parts never import parts, no cycles, one home for heavy packages."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "to4d"
# From the bottom up. A name stands for a module, or for all of a package that has no nearer name. An import goes to
# a lower line or stays within its own name, so names on one line do not know each other.
LAYERS = """
types errors guidance runs
protocols
disk distributed lexicon
geometry losses schedules kernels latent_frames
disk.run_state prompt surface_tracks guidance_query timestep gltf
rig
viewpoints mesh
objects camera_schedule time_sampler mask noise lens flow_loss distillation
guidance.clip_image guidance.random_weights
guidance.mini guidance.dynamicrafter guidance.diffusers guidance.mixture
model render
metrics.networks.pretrained_files metrics.surface_sample metrics.renders metrics.checks metrics.motion_classifier
metrics.networks
metrics
export.writer export.panels export.isosurface
export.animated_image export.sheet export.video
export.gltf
export
phases
callbacks
runs.out_of_memory runs.trust runs.asset runs.setting_types runs.config_nodes runs.rig_file runs.object_file
runs.rigging
runs.preflight
runs.settings runs.worker_group runs.build runs.evaluation runs.peers runs.sweep runs.gpu
runs.training
runs.run
runs.animate
report viewer
cli
commands weights
api
"""
LEVEL = {unit: level for level, line in enumerate(LAYERS.split("\n")) for unit in line.split()}
HOMES = {
    "embreex": {"render"},
    "nvdiffrast": {"render"},
    "tinycudann": {"kernels"},
    "numba": {"kernels"},
    "trimesh": {"disk", "mesh", "export"},
    "open_clip": {"metrics"},
    "av": {"export"},
    "viser": {"viewer"},
    "pxr": {"export"},
    "skimage": {"export"},
    "fast_simplification": {"export"},
    "wandb": {"callbacks"},
    "diffusers": {"guidance"},
    "transformers": {"guidance"},
    "huggingface_hub": {"weights"},
    "hydra": {"runs", "viewer", "cli", "commands"},
    "omegaconf": {"runs", "viewer", "cli", "commands", "api"},
    "lightning": {"phases", "callbacks", "runs", "disk", "api"},
}
FILES = sorted(ROOT.rglob("*.py"))


def unit_of(name: str) -> str:
    parts = name.split(".")
    starts = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next(start for start in starts if start in LEVEL)


def imports(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    found = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    sources = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    found += [f"{node.module}.{alias.name}" for node in sources for alias in node.names]  # may be a module itself
    return found + [node.module for node in sources]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path) for path in FILES}


@pytest.mark.parametrize("path", [f for f in FILES if f != ROOT / "__init__.py"], ids=name_of)
def test_imports_point_down_and_parts_do_not_know_each_other(path):
    mine = unit_of(name_of(path))
    for name in {name.removeprefix("to4d.") for name in imports(path) if name.startswith("to4d.")} & NAMES:
        other = unit_of(name)
        assert other == mine or LEVEL[other] < LEVEL[mine], f"{mine} must not import {name}"


def test_every_layer_names_what_exists():
    assert set(LEVEL) <= NAMES


def test_what_runs_knows_nothing_of_what_trains():
    assert not [path for path in FILES if any(name.startswith("to4d_lab") for name in imports(path))]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_packages_have_one_home(path):
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or name_of(path).split(".")[0] in homes, f"{name} belongs in {homes}"


def test_no_module_is_part_of_an_import_cycle():
    names = {".".join(("to4d", *f.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): f for f in FILES}
    graph = {name: {i for i in imports(f) if i in names and i != name} for name, f in names.items()}
    while leaves := [name for name, needs in graph.items() if not needs]:
        graph = {name: needs - set(leaves) for name, needs in graph.items() if name not in leaves}
    assert not graph
