"""Fit which way is up and where the front is, on the meshes of `standing_meshes`.

    TO4D_DATA=DIR TO4D_ANIMATED=DIR python -m to4d_lab.rig.fit_orientation

measures each pack with what the others taught, prints it, then fits all of them and writes the file of the package.
With `--questions FILE.npz` the features of all meshes, which take most of the time, are kept and used again.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from to4d.rig.anatomy.coarse_solid import coarse_solid
from to4d.rig.orientation.fitted_choice import FILE, FittedChoice
from to4d.rig.orientation.front_features import front_candidates, front_features
from to4d.rig.orientation.mirror import make_mirror
from to4d.rig.orientation.up_features import UPS, up_features
from to4d_lab.rig.standing_meshes import OURS, StandingMesh, read_standing

PENALTY = {"up": 3e-3, "front": 1e-2, "up_fish": 1e-2, "front_fish": 3e-3}  # on squared weights, by packs left out
DOUBT = {"up": 0.05, "front": 0.1, "up_fish": 0.05, "front_fish": 0.1}
SWIMMERS = re.compile("fish|shark|dolphin|orca|manta")  # in names or packs
NEAR_DEG = 30.0  # of the true front: the candidate counts as right
STRETCH = 0.25  # of the logarithm of each extent, of every second copy


@dataclass(frozen=True)
class Question:
    """Candidates with their features, and which of them are right."""

    name: str
    pack: str
    rest: bool  # as the file has it: counts where the fit is measured
    features: list[dict[str, float]]
    right: NDArray  # (K,) bool


def stretched(mesh: StandingMesh, rng: np.random.Generator) -> StandingMesh:
    """The mesh with other proportions."""
    return replace(
        mesh, pose=f"{mesh.pose}, stretched", vertices=mesh.vertices * np.exp(rng.uniform(-1, 1, 3) * STRETCH)
    )


def questions(mesh: StandingMesh) -> dict[str, Question]:
    """What is asked about a mesh: `up` and `front`, each where it has one."""
    solid = coarse_solid(mesh.vertices, mesh.faces)
    mirror, out, about = make_mirror(solid), {}, (mesh.name, mesh.pack, mesh.pose == "rest")
    if mesh.has_up:
        out["up"] = Question(*about, up_features(solid, mirror), np.array(UPS) == "y")
    if mesh.front_deg is not None:
        azimuths, errors = front_candidates(mirror)
        away = abs((azimuths - mesh.front_deg + 180) % 360 - 180)
        if away.min() <= NEAR_DEG:
            out["front"] = Question(*about, front_features(solid, azimuths, errors), away <= NEAR_DEG)
    return out


def weights_of(asked: Sequence[Question]) -> NDArray:
    """(Q,) that add up to 1: an object counts once however many copies it has, a pack as the root of its objects."""
    copies = Counter(question.name for question in asked)
    sizes = Counter(pack for _, pack in {(question.name, question.pack) for question in asked})
    weights = np.array([1 / copies[q.name] / np.sqrt(sizes[q.pack]) for q in asked])
    return weights / weights.sum()


def fit(asked: Sequence[Question], penalty: float, doubt: float) -> FittedChoice:
    """The conditional logit that explains the answers best."""
    names = tuple(asked[0].features[0])
    rows = [np.array([[features[name] for name in names] for features in question.features]) for question in asked]
    every = np.concatenate(rows)
    mean, scale = every.mean(0), every.std(0) + 1e-9
    most = max(len(row) for row in rows)
    x, bias = np.zeros((len(rows), most, len(names))), np.full((len(rows), most), -1e9)
    right = np.zeros(bias.shape, bool)
    for number, row in enumerate(rows):
        x[number, : len(row)], bias[number, : len(row)] = (row - mean) / scale, 0.0
        right[number, : len(row)] = asked[number].right
    loss = _loss(x, bias, right, weights_of(asked), penalty)
    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return FittedChoice(names, mean, scale, found, doubt)


def _loss(x: NDArray, bias: NDArray, right: NDArray, share: NDArray, penalty: float) -> Callable:
    """The weighted cross-entropy of (Q, K, F) features with its gradient."""

    def loss(weights: NDArray) -> tuple[float, NDArray]:
        score = x @ weights + bias
        odds = np.exp(score - score.max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        hit = (odds * right).sum(1) + 1e-300
        slope = np.einsum("q,qk,qkf->f", share, odds - odds * right / hit[:, None], x)
        return float(penalty * weights @ weights - share @ np.log(hit)), slope + 2 * penalty * weights

    return loss


def leave_packs_out(asked: Sequence[Question], penalty: float, doubt: float) -> dict[str, tuple[int, int, float]]:
    """For each pack: how many files a fit on the others answers rightly, of how many, and the mean log odds."""
    out = {}
    for pack in sorted({question.pack for question in asked} - {OURS}):
        choice = fit([question for question in asked if question.pack != pack], penalty, doubt)
        held = [question for question in asked if question.pack == pack and question.rest]
        shares = [(choice.probabilities(question.features), question.right) for question in held]
        right = sum(bool(answer[share.argmax()]) for share, answer in shares)
        if held:
            out[pack] = right, len(held), float(np.mean([np.log(share[answer].sum()) for share, answer in shares]))
    return out


def main() -> None:
    """Measure, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--questions", type=Path, help="a file to keep the features in")
    options = parser.parse_args()
    if options.questions is not None and options.questions.is_file():
        asked = load_questions(options.questions)
    else:
        asked = ask(options.processes)
        if options.questions is not None:
            save_questions(options.questions, asked)
    report_and_write(with_fish(asked))


def with_fish(asked: dict[str, list[Question]]) -> dict[str, list[Question]]:
    """The questions, and those about fish alone once more: they stand on nothing."""
    fish = {f"{kind}_fish": [q for q in about if SWIMMERS.search(q.name + q.pack)] for kind, about in asked.items()}
    return asked | fish


def ask(processes: int) -> dict[str, list[Question]]:
    """`up` and `front` of all meshes, each also with other proportions."""
    rng = np.random.default_rng(0)
    meshes = [copy for mesh in read_standing() for copy in (mesh, stretched(mesh, rng))]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(questions, meshes, chunksize=8))
    return {name: [answers[name] for answers in found if name in answers] for name in ("up", "front")}


def save_questions(path: Path, asked: dict[str, list[Question]]) -> None:
    """Write questions as arrays."""
    arrays = {}
    for kind, about in asked.items():
        names = list(about[0].features[0])
        arrays[f"{kind}_features"] = np.array(names)
        arrays[f"{kind}_rows"] = np.array([[row[name] for name in names] for q in about for row in q.features])
        arrays[f"{kind}_right"] = np.concatenate([q.right for q in about])
        arrays[f"{kind}_counts"] = np.array([len(q.features) for q in about])
        for field in ("name", "pack", "rest"):
            arrays[f"{kind}_{field}"] = np.array([getattr(q, field) for q in about])
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_questions(path: Path) -> dict[str, list[Question]]:
    """Read what `save_questions` wrote."""
    with np.load(path) as arrays:
        return {kind: list(_load_kind(arrays, kind)) for kind in ("up", "front")}


def _load_kind(arrays: Mapping[str, NDArray], kind: str) -> Iterator[Question]:
    names, rows, right = (arrays[f"{kind}_{field}"] for field in ("features", "rows", "right"))
    stops = np.cumsum(arrays[f"{kind}_counts"])
    about = zip(*(arrays[f"{kind}_{field}"] for field in ("name", "pack", "rest")), strict=True)
    for stop, count, (name, pack, rest) in zip(stops, arrays[f"{kind}_counts"], about, strict=True):
        mine = slice(stop - count, stop)
        features = [dict(zip(names.tolist(), row, strict=True)) for row in rows[mine].tolist()]
        yield Question(str(name), str(pack), bool(rest), features, right[mine])


def report_and_write(asked: dict[str, list[Question]]) -> None:
    """Print what fits on other packs know about each pack, and write the file of the package."""
    table = {}
    for name, about in asked.items():
        for pack, (right, count, odds) in leave_packs_out(about, PENALTY[name], DOUBT[name]).items():
            print(f"{name:10} {pack:22} {right:3} of {count:3}, mean log odds {odds:.2f}")
        choice = fit(about, PENALTY[name], DOUBT[name])
        numbers = {key: [float(f"{x:.6g}") for x in getattr(choice, key)] for key in ("mean", "scale", "weights")}
        table[name] = {"doubt": choice.doubt, "names": choice.names, **numbers}
    FILE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
