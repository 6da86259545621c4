r"""Are the limbs of a mesh found, named and skinned? Every pack of rigged characters left out in turn.

    pip install DracoPy    # for characters that are compressed
    TO4D_DATA=... python bench/rigging.py --animated DIR --objects DIR --cache DIR --out DIR

    class     share of meshes whose body class is right
    front     share of those with limbs whose front is within 30 degrees, where it is not given
    tips      share of true limbs with a tip of the rig, of any role, within .1 of the longest side
    named     share of true limbs whose role moves them: precision and recall of the motion above .3
    P, R      of the named limbs: share of their role's motion on right vertices, share of the right motion obtained
    sides     share of the limbs of a right kind that have the right side
    seconds   a mesh, rigging included

The role model is fitted anew without each pack. Results are kept in `--out`: the command resumes.
"""

import argparse
import json
import time
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from to4d.rig.found import make_rig
from to4d.rig.measures import measure_body
from to4d.rig.parts import find_anatomy
from to4d.rig.role_slots import SLOTS
from to4d.rig.roles import RoleModel, most_probable
from to4d_lab.rig.examples import labelled_bodies
from to4d_lab.rig.fit_roles import DRAWS, read_characters
from to4d_lab.rig.fitting import fit_model
from to4d_lab.rig.labelled import LabelledBody, turn_to
from to4d_lab.rig.score import score_limbs
from to4d_lab.rig.truth import Example, Rigged

MODES = {"front given": (True, False), "front unknown": (False, False), "class given": (True, True)}
"""Mode -> whether the front is given, and the class."""


def left_out(bodies: list[LabelledBody], pack: str) -> RoleModel:
    """The model of all other packs."""
    return fit_model([body for body in bodies if body.pack != pack])


def rig_one(example: Example, model: RoleModel, given: bool, noun: bool) -> dict:
    """One mesh in one mode."""
    front = 0.0 if given else float(np.random.default_rng(zlib.crc32(example.name.encode())).uniform(-np.pi, np.pi))
    turned = replace(example, vertices=turn_to(example.vertices, front))
    start = time.perf_counter()
    anatomy = find_anatomy(turned.vertices, turned.faces)
    body = example.body if noun else None
    assignment = most_probable(measure_body(anatomy), model, front if given else None, body)
    rig = make_rig(anatomy, assignment)
    seconds = time.perf_counter() - start
    off = (assignment.frame.front - front + np.pi) % (2 * np.pi) - np.pi
    return {
        "name": example.name,
        "pack": example.pack,
        "body": example.body,
        "found": assignment.body,
        "confidence": assignment.confidence,
        "front": bool(abs(off) < np.deg2rad(30)) if SLOTS[example.body] else None,
        "seconds": seconds,
        "limbs": [vars(score) for score in score_limbs(rig, turned)],
    }


def cells(characters: list[Rigged], bodies: list[LabelledBody], out: Path) -> Iterable[tuple[str, dict]]:
    """Mode and result of every character; what is in `out` is not made again."""
    for pack in sorted({rigged.pack for rigged in characters}):
        mine = [rigged for rigged in characters if rigged.pack == pack]
        paths = {
            (rigged.name, mode): out / f"{rigged.name}-{mode.replace(' ', '_')}.json"
            for rigged in mine
            for mode in MODES
        }
        model = None if all(path.exists() for path in paths.values()) else left_out(bodies, pack)
        for rigged in mine:
            for mode, options in MODES.items():
                path = paths[rigged.name, mode]
                if model is not None and not path.exists():
                    path.write_text(json.dumps(rig_one(rigged.example(), model, *options)))
                yield mode, json.loads(path.read_text())


def row(label: str, results: list[dict]) -> str:
    """One line of a Markdown table."""
    limbs = [limb for result in results for limb in result["limbs"] if not without_limbs(result)]
    named = [limb for limb in limbs if limb["named"]]
    fronts = [result["front"] for result in results if result["front"] is not None]
    sides = [limb["side"] for limb in limbs if limb["side"] is not None]
    right = [result["body"] == result["found"] for result in results]
    values = [right, fronts, [x["tip"] for x in limbs], [x["named"] for x in limbs]]
    values += [[x["precision"] for x in named], [x["recall"] for x in named], sides]
    shown = [f"{np.mean(each):.2f}" if each else "" for each in values]
    seconds = f"{np.mean([result['seconds'] for result in results]):.1f}"
    return f"| {label} | {len(results)} | {len(limbs)} | " + " | ".join([*shown, seconds]) + " |"


def without_limbs(result: dict) -> bool:
    """Fish of the cute pack have one chain of joints and no limbs by name; they count for the class."""
    return result["pack"] == "cute_fish_pack"


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
    for mode, result in cells(characters, bodies, options.out):
        results[mode].append(result)
    for mode, found in results.items():
        print(f"\n### {mode}\n\n{table(found)}\n\n{failures(found)}")


if __name__ == "__main__":
    main()
