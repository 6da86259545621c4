"""The rules of the house: an import points down, parts never import parts, no cycles, one home for heavy packages."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "to4d"
LAYERS = [
    {"types", "errors", "out_of_memory", "share"},
    {"disk", "lexicon"},
    {
        "geometry",
        "losses",
        "schedules",
        "prompt",
        "gltf",
        "kernels",
        "bits",
        "tracks",
        "trust",
        "clip_time",
        "clip_tokens",
        "settings",
    },
    {"ask", "timestep", "state"},
    {"viewpoints", "mesh"},
    {
        "objects",
        "camera_schedule",
        "time_sampler",
        "mask",
        "noise",
        "lens",
        "lift",
        "distillation",
        "model",
        "render",
        "guidance",
        "metrics",
        "export",
    },
    {"phases", "callbacks"},
    {"team", "build"},
    {"training"},
    {"run"},
    {"clips", "viewer", "evaluation", "peers", "report", "sweep"},
    {"cli"},
    {"weights", "gpu"},
]
LEVEL = {unit: level for level, units in enumerate(LAYERS) for unit in units}
HOMES = {
    "embreex": {"render"},
    "nvdiffrast": {"render"},
    "tinycudann": {"kernels"},
    "numba": {"kernels"},
    "trimesh": {"disk", "mesh"},
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
    "hydra": {"build", "training", "run", "viewer", "clips", "cli"},
    "omegaconf": {"settings", "team", "build", "training", "run", "viewer", "clips", "cli"},
    "lightning": {"phases", "callbacks", "training", "run", "disk"},
}
FILES = sorted(ROOT.rglob("*.py"))


def unit_of(name: str) -> str:
    return name.split(".")[0]


def imports(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    found = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    sources = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    found += [f"{node.module}.{alias.name}" for node in sources for alias in node.names]  # may be a module itself
    return found + [node.module for node in sources]


def unit_of_file(path: Path) -> str:
    return unit_of(path.relative_to(ROOT).with_suffix("").parts[0])


@pytest.mark.parametrize("path", [f for f in FILES if f.parent != ROOT or f.stem != "__init__"], ids=str)
def test_imports_point_down_and_parts_do_not_know_each_other(path):
    me = unit_of_file(path)
    for name in imports(path):
        if name.startswith("to4d."):
            other = unit_of(name.removeprefix("to4d."))
            assert other == me or LEVEL[other] < LEVEL[me], f"{me} must not import {name}"


def test_what_runs_knows_nothing_of_what_trains():
    assert not [path for path in FILES if any(name.startswith("to4d_lab") for name in imports(path))]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_heavy_packages_have_one_home(path):
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or unit_of_file(path) in homes, f"{name} belongs in {homes}"


def test_no_module_is_part_of_an_import_cycle():
    names = {".".join(("to4d", *f.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): f for f in FILES}
    graph = {name: {i for i in imports(f) if i in names and i != name} for name, f in names.items()}
    while leaves := [name for name, needs in graph.items() if not needs]:
        graph = {name: needs - set(leaves) for name, needs in graph.items() if name not in leaves}
    assert not graph
