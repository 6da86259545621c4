"""Which code made a result: hashes of source text, for the keys of what is kept and used again."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).parents[1]  # of to4d
SHIPPED = (".py", ".safetensors", ".json", ".xz")  # code and weights; not what is only shown


def package_hash() -> str:
    """SHA-256 of all code and weights of to4d."""
    return _sha256_of(sorted(path for path in PACKAGE.rglob("*") if path.suffix in SHIPPED))


def import_hash(modules: Iterable[str]) -> str:
    """SHA-256 of the sources of modules, by their dotted names, and of all of to4d that they import."""
    found: dict[Path, None] = {}
    waiting = [file for name in modules for file in _files_of(name)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = None
            waiting += [imported for name in imported_names(file.read_text()) for imported in _files_of(name, PACKAGE)]
    return _sha256_of(sorted(found))


def imported_names(source: str) -> Iterator[str]:
    r"""The modules that a module imports, anywhere in it; what it imports from them may be a module too.

    >>> sorted(imported_names("import to4d.lens\nfrom to4d.mesh import load"))
    ['to4d.lens', 'to4d.mesh', 'to4d.mesh.load']
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(name: str, package: Path | None = None) -> list[Path]:
    """The source files of a module and of the packages that it is in; those of `package` alone, if that is given."""
    parts = name.split(".")
    root = _root_of(parts[0]) if package is None else package
    if root is None or root.name != parts[0]:
        return []
    stems = [root.joinpath(*parts[1:end]) for end in range(1, len(parts) + 1)]
    files = [file for stem in stems for file in (stem / "__init__.py", stem.with_suffix(".py"))]
    return [file for file in files if file.is_file()]


def _root_of(package: str) -> Path | None:
    """The folder of a top-level package; of a top-level module, its path without the suffix; None if there is none."""
    if package == PACKAGE.name:
        return PACKAGE
    try:
        spec = find_spec(package)
    except ValueError:  # of __main__
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin.with_suffix("")


def _sha256_of(files: Iterable[Path]) -> str:
    """SHA-256 of the names and contents of files, one after the other."""
    total = hashlib.sha256()
    for file in files:
        name = file.relative_to(PACKAGE) if file.is_relative_to(PACKAGE) else file.name
        data = file.read_bytes()
        total.update(f"{name}\0{len(data)}\0".encode() + data)
    return total.hexdigest()
