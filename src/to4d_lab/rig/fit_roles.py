"""Fit the role model that ships: `python -m to4d_lab.rig.fit_roles --animated DIR --objects DIR --cache DIR`.

Both folders have a MANIFEST.json. Examples are made once and kept in the cache, which takes most of the time. Files
that are compressed by Draco need `pip install DracoPy`. The same files give the same bytes.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import save_file

from to4d.rig.roles.assignment import WEIGHTS, RoleModel
from to4d_lab.rig.examples import labelled_bodies
from to4d_lab.rig.fitting import make_folds
from to4d_lab.rig.labelled import LabelledBody
from to4d_lab.rig.truth import Rigged, read_all

DRAWS, FOLDS = 6, 8


def fold_of_packs(bodies: Sequence[LabelledBody]) -> dict[str, int]:
    """The fold of each pack; packs of many files are in folds of their own as far as possible."""
    files = Counter(body.pack for body in bodies if body.draw == 0)
    ranked = sorted({body.pack for body in bodies}, key=lambda pack: (-files[pack], pack))
    return {pack: number % FOLDS for number, pack in enumerate(ranked)}


def read_characters(animated: Path, objects: Path, cache: Path) -> list[Rigged]:
    """Every rigged file once: an object that repeats a file of a pack is left out."""
    every = read_all(animated, objects, cache / "plain")
    names = {rigged.pack for rigged in every}
    return [rigged for rigged in every if not (rigged.name.startswith("q_") and rigged.pack in names)]


def save_model(model: RoleModel, path: Path) -> None:
    """Write the weights in single precision."""
    arrays = model.parts.arrays("parts") | model.bodies.arrays("bodies")
    save_file({name: value.astype("float32") for name, value in sorted(arrays.items())}, path)


def main() -> None:
    """Read, measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--animated", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    characters = read_characters(options.animated, options.objects, options.cache)
    bodies = list(labelled_bodies(characters, options.draws, options.cache / "bodies"))
    save_model(make_folds(bodies, fold_of_packs(bodies)).model(), options.out)
    print(f"{len(bodies)} examples of {len(characters)} characters and of procedural bodies -> {options.out}")


if __name__ == "__main__":
    main()
