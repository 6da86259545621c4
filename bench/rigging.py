r"""Are the limbs of a mesh found, named and skinned? Every pack of rigged characters left out in turn.

    pip install DracoPy    # for characters that are compressed
    TO4D_DATA=... python bench/rigging.py --animated DIR --objects DIR --cache DIR --out DIR

    class     share of meshes whose body class is right
    front     share of those with limbs whose front is within 30 degrees, where it is not given
    tips      share of true limbs with a tip of the rig, of any role, within .1 of the longest side
    named     share of true limbs whose role moves them: precision and recall of the motion above .3
    P, R      of the named limbs: share of their role's motion on right vertices, share of the right motion obtained
    sides     share of the limbs of a right kind that have the right side
    seconds   a mesh

The role model is fitted anew without each of eight folds of packs; a pack is rigged by the model that has not seen it.
Meshes are turned at random about the vertical. Results are kept in `--out`: the command resumes.
"""

import argparse
import json
import time
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from to4d.rig.anatomy.measures import BodyMeasures, measure_body
from to4d.rig.anatomy.parts import Anatomy, find_anatomy
from to4d.rig.found import make_rig
from to4d.rig.roles.assignment import RoleModel, load_role_model, most_probable
from to4d.rig.roles.role_slots import SLOTS
from to4d_lab.rig.examples import labelled_bodies
from to4d_lab.rig.fit_roles import DRAWS, fold_of_packs, read_characters, save_model
from to4d_lab.rig.fitting import make_folds
from to4d_lab.rig.labelled import LabelledBody, turn_to
from to4d_lab.rig.score import score_limbs
from to4d_lab.rig.truth import Example, Rigged

MODES = {"front given": (True, False), "front unknown": (False, False), "class given": (True, True)}
"""Mode -> whether the front is given, and the class."""


def fold_models(bodies: list[LabelledBody], out: Path) -> dict[str, RoleModel]:
    """For each pack the model that has not seen it; models are kept in `out`."""
    folds = fold_of_packs(bodies)
    paths = [out / f"without_fold_{fold}.safetensors" for fold in range(max(folds.values()) + 1)]
    if not all(path.exists() for path in paths):
        fitted = make_folds(bodies, folds)
        for fold, path in enumerate(paths):
            save_model(fitted.without(fold), path)
    return {pack: load_role_model(paths[fold]) for pack, fold in folds.items()}


def rig_one(example: Example, model: RoleModel) -> dict[str, dict]:
    """One mesh, turned at random about the vertical, in all modes."""
    front = float(np.random.default_rng(zlib.crc32(example.name.encode())).uniform(-np.pi, np.pi))
    turned = replace(example, vertices=turn_to(example.vertices, front))
    start = time.perf_counter()
    anatomy = find_anatomy(turned.vertices, turned.faces)
    measures = measure_body(anatomy)
    shared = time.perf_counter() - start
    return {mode: _in_mode(turned, front, anatomy, measures, model, mode, shared) for mode in MODES}


def _in_mode(
    example: Example, front: float, anatomy: Anatomy, measures: BodyMeasures, model: RoleModel, mode: str, shared: float
) -> dict:
    given, noun = MODES[mode]
    start = time.perf_counter()
    found = most_probable(measures, model, front if given else None, example.body if noun else None)
    rig = make_rig(anatomy, found) if has_true_limbs(example) else None
    off = abs((found.frame.front - front + np.pi) % (2 * np.pi) - np.pi)
    return {
        "name": example.name,
        "pack": example.pack,
        "body": example.body,
        "found": found.body,
        "confidence": found.confidence,
        "front": bool(off < np.deg2rad(30)) if SLOTS[example.body] else None,
        "seconds": shared + time.perf_counter() - start,
        "roles": [role for role in found.roles if role != "other"],
        "limbs": [vars(score) for score in score_limbs(rig, example)] if rig else [],
    }


def has_true_limbs(example: Example) -> bool:
    """Fish of the cute pack have one chain of joints and no limbs by name; they count for the class alone."""
    return bool(example.roles) and example.pack != "cute_fish_pack"


def cells(characters: list[Rigged], models: dict[str, RoleModel], out: Path) -> Iterable[tuple[str, dict]]:
    """Mode and result of every character; what is in `out` is not made again."""
    for rigged in characters:
        path = out / f"{rigged.name}.json"
        if not path.exists():
            path.write_text(json.dumps(rig_one(rigged.example(), models[rigged.pack])))
        yield from json.loads(path.read_text()).items()


def row(label: str, results: list[dict]) -> str:
    """One line of a Markdown table."""
    limbs = [limb for result in results for limb in result["limbs"]]
    named = [limb for limb in limbs if limb["named"]]
    fronts = [result["front"] for result in results if result["front"] is not None]
    sides = [limb["side"] for limb in limbs if limb["side"] is not None]
    right = [result["body"] == result["found"] for result in results]
    values = [right, fronts, [x["tip"] for x in limbs], [x["named"] for x in limbs]]
    values += [[x["precision"] for x in named], [x["recall"] for x in named], sides]
    shown = [f"{np.mean(each):.2f}" if each else "" for each in values]
    seconds = f"{np.mean([result['seconds'] for result in results]):.1f}"
    return f"| {label} | {len(results)} | {len(limbs)} | " + " | ".join([*shown, seconds]) + " |"


def table(results: list[dict]) -> str:
    """All, then body classes, then packs."""
    lines = ["| | n | limbs | class | front | tips | named | P | R | sides | seconds |", "|" + "---|" * 11]
    lines.append(row("**all**", results))
    for key in ("body", "pack"):
        for value in sorted({result[key] for result in results}):
            lines.append(row(value, [result for result in results if result[key] == value]))
    return "\n".join(lines)


def failures(results: list[dict]) -> str:
    """One line for each mesh that is not all right."""
    lines = []
    for result in results:
        missed = [limb["role"] for limb in result["limbs"] if not limb["named"]]
        wrong = "" if result["body"] == result["found"] else f"{result['body']} became {result['found']}; "
        turned = "front wrong; " if result["front"] is False else ""
        if wrong or turned or missed:
            lines.append(f"- {result['name']}: {wrong}{turned}not named: {', '.join(missed) or 'none'}")
    return "\n".join(lines)


def main() -> None:
    """Fill the folder and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("animated", "objects", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=DRAWS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    characters = read_characters(options.animated, options.objects, options.cache)
    bodies = list(labelled_bodies(characters, options.draws, options.cache / "bodies"))
    results: dict[str, list[dict]] = {mode: [] for mode in MODES}
    for mode, result in cells(characters, fold_models(bodies, options.out), options.out):
        results[mode].append(result)
    for mode, found in results.items():
        print(f"\n### {mode}\n\n{table(found)}\n\n{failures(found)}")


if __name__ == "__main__":
    main()
