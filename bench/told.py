"""How much of a motion do words tell the prior? It is asked about meshes it never saw, that stand still under noise.

    TO4D_DATA=... python bench/told.py [--weights FILE] [--motions ...]

The meshes are five held-out scans with guessed limbs, moved as the data engine moves them in its ordinary style, seen
from eight sides. Their first frame alone is shown, noised to where distillation begins.

    told      the answer's forward flow along the true one, over places that go half as far as the farthest: 1 is all
    likeness  cosine of the two, over all places
    net       without the gaits
    constant  a flow that knows only motion, side and whether there are two legs or four: the smooth flow that fits
              those of the training objects best (least squares, each relative to its own size)

A net that looks at the object and tells less than a constant has not learnt what its data hold.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from perfect_prior import KINDS as MOTIONS
from perfect_prior import RADIUS, STYLE
from torch import Tensor

from to4d.guidance.mini.data import assets, autorig, clips
from to4d.guidance.mini.data.actions import Action, perform, possible
from to4d.guidance.mini.data.limb_motions import LIMB_MOTIONS
from to4d.guidance.mini.data.objects import HELD_OUT_KINDS, KINDS, Subject, load_real
from to4d.guidance.mini.flow import find_object, outline_terms
from to4d.guidance.mini.prior import MiniPrior
from to4d.report.writers import grid
from to4d.types import Prompt, generator_at

OBJECTS = {  # slug -> noun, what its limbs are
    "gso_mario": ("mario", "biped"),
    "gso_spiderman": ("spiderman", "biped"),
    "gso_rhino": ("rhino", "quadruped"),
    "gso_lion": ("lion", "quadruped"),
    "gso_unicorn": ("unicorn", "quadruped"),
}
AZIMUTHS_DEG = range(-135, 181, 45)
HEADS = [
    "motion",
    "limbs",
    "meshes",
    *(f"{who} {what}" for who in ("net", "prior", "constant") for what in ("told", "likeness")),
]
START = 950  # of 1000 steps: the noise that distillation begins with
EACH = 2  # procedural objects of a kind, for the constant


def held_out() -> dict[str, list[Subject]]:
    """The held-out scans by what their limbs are."""
    entries, found = {entry["slug"]: entry for entry in assets.manifest()}, {"biped": [], "quadruped": []}
    for slug, (noun, build) in OBJECTS.items():
        mesh = assets.load_asset(entries[slug])
        found[build].append(Subject(replace(mesh, limbs=autorig.rig(mesh, build)), (noun,)))
    return found


def trained_on(random: np.random.Generator) -> dict[str, list[Subject]]:
    """Training objects with legs: the rigged scans, and procedural ones."""
    real = load_real(held_out=False)
    subjects = [real[slug] for slug in autorig.BUILDS]
    for kind in (kind for kind in KINDS if kind not in HELD_OUT_KINDS for _ in range(EACH)):
        make, nouns = KINDS[kind]
        subjects.append(Subject(make(random).scaled(random.uniform(0.8, 1.25, 3)), nouns))
    legs = [(s, [limb.end for limb in s.mesh.limbs if limb.name == "leg"]) for s in subjects]
    return {
        "biped": [subject for subject, ends in legs if ends and not any(ends)],
        "quadruped": [subject for subject, ends in legs if any(ends)],
    }


def shown(subject: Subject, kind: str, azimuth_deg: float) -> clips.Clip:
    """A true clip in the ordinary style."""
    action = Action(kind, "limbs" if kind in LIMB_MOTIONS else "whole")
    moved = perform(action, subject, np.random.default_rng(0), np.arange(clips.FRAMES) / clips.FRAMES, STYLE, RADIUS)
    view = clips.View(azimuth_deg, 10.0, clips.DISTANCE, 35.0, np.ones(3), np.array([0.0, 1.0, 0.0]), 1.0)
    return clips.make_clip(subject.mesh, moved, view, clips.Told("", subject.nouns[0], kind, 1.0, azimuth_deg))


def forward_of(clip: clips.Clip) -> tuple[Tensor, Tensor]:
    """The true forward flow (V, 3, 256) where frame 0 shows the object, and that place (256,)."""
    there = (torch.from_numpy(clip.opacity[0]).double() > 0.3).flatten().double()
    return torch.from_numpy(clip.forward).double().movedim(-1, 1).flatten(2) * there, there


def terms_of(clip: clips.Clip) -> Tensor:
    """The terms of smooth flows of its first frame, (Q, 256)."""
    first = torch.from_numpy(clip.frames[:1]).float() / 255.0
    relief = torch.from_numpy(clip.relief[None]).float()
    return outline_terms(find_object(first, relief))[0].flatten(1).double()


def agreement(flow: Tensor, truth: Tensor) -> tuple[float, float]:
    """`told` and `likeness` of flows (V, 3, 256)."""
    length = truth.norm(dim=1, keepdim=True)
    far = (length > 0.5 * length.max()).double()
    told = (flow * truth * far).sum() / (truth.square() * far).sum()
    return float(told), float((flow * truth).sum() / (flow.norm() * truth.norm()).clamp_min(1e-9))


def constant(examples: Iterable[clips.Clip]) -> Tensor:
    """Coefficients (3 V, Q) of the smooth flow that fits the clips best."""
    normal, right = 0.0, 0.0
    for clip in examples:
        truth, there = forward_of(clip)
        terms, share = terms_of(clip) * there, 1.0 / truth.square().sum().clamp_min(1e-9)
        normal, right = normal + share * terms @ terms.T, right + share * terms @ truth.flatten(0, 1).T
    ridge = 1e-3 * normal.diagonal().mean() * torch.eye(len(normal), dtype=torch.double)
    return torch.linalg.solve(normal + ridge, right).T


def answers(prior: MiniPrior, clip: clips.Clip, text: str) -> tuple[Tensor, Tensor]:
    """Forward flows (V, 3, 256) of a still clip, where frame 0 shows the object: the net's, and the prior's."""
    first = torch.from_numpy(clip.frames[:1]).float() / 255.0
    relief = torch.from_numpy(np.kron(clip.relief.astype(np.float32), np.ones((4, 4), np.float32)))[None, ..., None]
    azimuth = torch.tensor([clip.told.azimuth_deg])
    condition = prior.condition(first, Prompt(text, clip.told.noun), relief, azimuth)
    still, share = prior.encode(first[:, None].expand(-1, clips.FRAMES, -1, -1, -1)), prior.alpha_bar[START]
    noise = torch.randn(still.shape, generator=generator_at(7, int(azimuth)))
    noisy, there = share.sqrt() * still + (1.0 - share).sqrt() * noise, forward_of(clip)[1]
    both = (prior.denoise(noisy, START, each, 1.0) for each in (replace(condition, gait=None), condition))
    net, all_ = (said.forward[0].double().flatten(2) * there for said in both)
    return net, all_


def rows(prior: MiniPrior, motions: list[str]) -> Iterator[list[str]]:
    """A row for each motion and number of legs."""
    held, known = held_out(), trained_on(np.random.default_rng(5))
    for motion in motions:
        kind = MOTIONS[motion]
        for build in held:
            able = [subject for subject in known[build] if any(action.kind == kind for action in possible(subject))]
            subjects = [subject for subject in held[build] if any(a.kind == kind for a in possible(subject))]
            net, said, fixed = [], [], []
            for azimuth in map(float, AZIMUTHS_DEG):
                best = constant(shown(subject, kind, azimuth) for subject in able) if able else None
                for subject in subjects:
                    clip = shown(subject, kind, azimuth)
                    truth, there = forward_of(clip)
                    alone, whole = answers(prior, clip, f"a {clip.told.noun} {motion}")
                    net.append(agreement(alone, truth))
                    said.append(agreement(whole, truth))
                    fixed.append(agreement((best @ (terms_of(clip) * there)).view_as(truth), truth))
            if said:
                figures = (f"{x:.2f}" for pair in (net, said, fixed) for x in np.mean(pair, 0))
                yield [motion, build, str(len(subjects)), *figures]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=None, help="of a training; those of the package by default")
    parser.add_argument("--motions", nargs="+", default=list(MOTIONS), choices=list(MOTIONS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(grid(HEADS, []), end="")
    for row in rows(MiniPrior(options.weights), options.motions):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
