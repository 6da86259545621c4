"""How many objects come upright and face the front by themselves.

    TO4D_DATA=DIR TO4D_ANIMATED=DIR python bench/orientation.py [--questions FILE.npz]

takes the files of `to4d_lab.rig.standing_meshes`, first as they are, then as OBJ files with a random upward axis, then
those with the noun of the fish among them. With the file of `python -m to4d_lab.rig.fit_orientation --questions`, each
pack is judged by a fit on the others. A front counts where it is within 30 degrees and the object upright.
"""

import argparse
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from to4d.disk.asset_folder import Limits
from to4d.errors import InputError
from to4d.mesh import convention_of, load_mesh
from to4d.rig.orientation.axes import UPRIGHT
from to4d.rig.orientation.conventions import PLAIN
from to4d.rig.orientation.find import Orientation, find_orientation
from to4d.rig.orientation.fitted_choice import FittedChoice, load_choices
from to4d.rig.orientation.up_features import UPS
from to4d_lab.rig.fit_orientation import DOUBT, NEAR_DEG, PENALTY, SWIMMERS, fit, load_questions, with_fish
from to4d_lab.rig.standing_meshes import FRONTLESS, FRONTS_DEG, UPLESS, File, files

ROWS = (
    ("as the file is", False, False),
    ("an OBJ file turned at random", True, False),
    ("an OBJ file turned at random, fish by noun", True, True),
)


@dataclass(frozen=True)
class Answer:
    """What was found of one file."""

    file: File
    found: Orientation
    up: str  # the true axis
    seconds: float  # of CPU

    @property
    def upright(self) -> bool:
        """Whether the upward axis is right."""
        return self.found.up == self.up

    @property
    def faces_front(self) -> bool | None:
        """Whether the front is right too; None: the object has none."""
        if self.file.name in FRONTLESS:
            return None
        away = (self.found.front_deg - FRONTS_DEG.get(self.file.name, 0.0) + 180) % 360 - 180
        return self.upright and abs(away) <= NEAR_DEG


def fits(questions: Path | None) -> Mapping[str, Mapping[str, FittedChoice]]:
    """For each pack what the others taught; without questions, what ships."""
    packs = {file.pack for file in files()}
    if questions is None:
        return dict.fromkeys(packs, load_choices())
    asked = with_fish(load_questions(questions))
    return {
        pack: {
            kind: fit([q for q in about if q.pack != pack], PENALTY[kind], DOUBT[kind]) for kind, about in asked.items()
        }
        for pack in packs
    }


def judge(file: File, turned: bool, with_noun: bool, choices: Mapping[str, FittedChoice]) -> Answer | None:
    """What is found of a file, or None if it cannot be read."""
    try:
        mesh = load_mesh(file.path, up=file.up, front_deg=0.0, limits=Limits())
    except InputError as error:
        print(error)
        return None
    up = str(np.random.default_rng(zlib.crc32(file.name.encode())).choice(UPS)) if turned else file.up
    vertices = mesh.vertices.double().numpy() @ UPRIGHT[up]
    start = time.process_time()
    convention = PLAIN if turned else convention_of(file.path)
    body = "fish" if with_noun and SWIMMERS.search(file.name + file.pack) else None
    found = find_orientation(vertices, mesh.faces.numpy(), convention, body=body, choices=choices)
    return Answer(file, found, up, time.process_time() - start)


def report(title: str, answers: list[Answer]) -> None:
    """A row for the objects and a row for the characters, and every file that came out wrong."""
    for answer in answers:
        if not answer.upright or answer.faces_front is False:
            print(f"  {answer.file.name}, which is {answer.up} up: {answer.found.describe()}")
    is_object = {id(a): a.file.path.parent.name == a.file.name for a in answers}
    for name, mine in (("objects", True), ("characters", False)):
        group = [a for a in answers if is_object[id(a)] == mine and a.file.name not in UPLESS]
        fronts = [a.faces_front for a in group if a.faces_front is not None]
        up, seconds = sum(a.upright for a in group), max(a.seconds for a in group)
        print(
            f"| {title}, {name} | {up} of {len(group)} | {sum(fronts)} of {len(fronts)} | {seconds:.2f} |", flush=True
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, help="judge each pack by a fit on the others, from this file")
    by_pack = fits(parser.parse_args().questions)
    for title, turned, with_noun in ROWS:
        answers = [judge(file, turned, with_noun, by_pack[file.pack]) for file in files()]
        report(title, [answer for answer in answers if answer is not None])


if __name__ == "__main__":
    main()
