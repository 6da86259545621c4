"""What is kept and used again is known by the code that made it."""

import shutil
from pathlib import Path

import pytest

from to4d.disk import source_hash
from to4d.disk.source_hash import import_hash, package_hash


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of to4d, of which the hashes are taken."""
    copy = tmp_path / "to4d"
    shutil.copytree(source_hash.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_hash, "PACKAGE", copy)
    return copy


def edit(path: Path) -> None:
    path.write_text(path.read_text() + "\nEDITED = True\n")


STATIC_FIT = ["to4d.runs.training", "to4d.phases", "to4d.render.volume", "to4d.model.deform", "to4d.losses"]


def test_the_hash_of_the_imports_changes_with_every_module_that_a_static_fit_comes_from(package):
    hashes = {import_hash(STATIC_FIT)}
    modules = ["losses.py", "kernels/march.py", "model/static.py", "model/__init__.py", "runs/build.py", "geometry.py"]
    for module in modules:
        edit(package / module)
        hashes.add(import_hash(STATIC_FIT))
    assert len(hashes) == 1 + len(modules)


def test_the_hash_of_the_imports_stays_when_other_modules_change(package):
    before = import_hash(STATIC_FIT), package_hash()
    for module in ("export/usd.py", "viewer/server.py", "metrics/artist_similarity.py"):
        edit(package / module)
    assert import_hash(STATIC_FIT) == before[0] and package_hash() != before[1]


def test_the_hash_of_the_package_changes_with_its_weights_and_not_with_what_python_compiles(package):
    before = package_hash()
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    assert package_hash() == before
    weights = next(package.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes() + b" ")
    assert package_hash() != before


def test_the_module_of_a_user_s_own_part_counts_too(tmp_path, monkeypatch):
    (tmp_path / "their_parts.py").write_text("from to4d.lens import Lens\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = import_hash(["their_parts"])
    edit(tmp_path / "their_parts.py")
    assert import_hash(["their_parts"]) != before != import_hash([])
    assert import_hash(["no_such_package.part"]) == import_hash([])
