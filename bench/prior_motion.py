"""How much of a motion does the prior predict from words alone? On unseen meshes that stand still under noise.

    TO4D_DATA=... python bench/prior_motion.py [--weights FILE] [--motions ...]

The meshes are five held-out scans with guessed limbs, moved as the data engine moves them in its ordinary style, seen
from eight sides. Their first frame alone is shown, noised to where distillation begins.

    share     of the true forward flow in the predicted one, over places that go half as far as the farthest: 1 is all
    cosine    of the two, over all places
    net       without the gaits
    constant  a flow that knows only motion, side and whether there are two legs or four: the smooth flow that fits
              those of the training objects best (least squares, each relative to its own size)

A net that sees the object and predicts less than a constant has not learnt what its data hold.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from perfect_prior import KINDS as MOTIONS
from perfect_prior import OBJECTS
from torch import Tensor

from to4d.guidance.mini.flow import Outline, outline_terms
from to4d.guidance.mini.prior import MiniPrior
from to4d.report.writers import markdown_table
from to4d.types import Prompt, generator_at
from to4d_lab.data import assets, autorig, clip_rendering
from to4d_lab.data.actions import possible
from to4d_lab.data.objects import Subject
from to4d_lab.mini.fit_gaits import clip_of, example, explained_share, fitted, legged_subjects, on_four

AZIMUTHS_DEG = range(-135, 181, 45)
HEADS = [
    "motion",
    "limbs",
    "meshes",
    *(f"{who} {what}" for who in ("net", "prior", "constant") for what in ("share", "cosine")),
]
START = 950  # of 1000 steps: the noise that distillation begins with


def held_out() -> dict[str, list[Subject]]:
    """The held-out scans by what their limbs are."""
    entries, found = {entry["slug"]: entry for entry in assets.manifest()}, {"biped": [], "quadruped": []}
    for slug, build in OBJECTS.values():
        mesh = assets.load_asset(entries[slug])
        found[build].append(Subject(replace(mesh, limbs=autorig.rig(mesh, build)), (slug.removeprefix("gso_"),)))
    return found


def trained_on() -> dict[str, list[Subject]]:
    """The objects that the gaits are fitted to, by how many legs they have."""
    found = {"biped": [], "quadruped": []}
    for subject in legged_subjects(np.random.default_rng(5)):
        found["quadruped" if on_four(subject) else "biped"].append(subject)
    return found


def smooth(outline: Outline, azimuth_deg: Tensor) -> Tensor:
    """The terms of the net's flows, whatever the azimuth."""
    return outline_terms(outline)


def agreement(flow: Tensor, truth: Tensor) -> tuple[float, float]:
    """Share and cosine of flows (V, 3, 256)."""
    return explained_share(flow, truth), float((flow * truth).sum() / (flow.norm() * truth.norm()).clamp_min(1e-9))


def answers(prior: MiniPrior, clip: clip_rendering.Clip, text: str) -> tuple[Tensor, Tensor]:
    """Forward flows (V, 3, 256) of a still clip: the net's, and the prior's."""
    first = torch.from_numpy(clip.frames[:1]).float() / 255.0
    relief = torch.from_numpy(np.kron(clip.relief.astype(np.float32), np.ones((4, 4), np.float32)))[None, ..., None]
    azimuth = torch.tensor([clip.labels.azimuth_deg])
    condition = prior.condition(first, Prompt(text, clip.labels.noun), relief, azimuth)
    still, share = prior.encode(first[:, None].expand(-1, clip_rendering.FRAMES, -1, -1, -1)), prior.alpha_bar[START]
    noise = torch.randn(still.shape, generator=generator_at(7, int(azimuth)))
    noisy = share.sqrt() * still + (1.0 - share).sqrt() * noise
    both = (prior.denoise(noisy, START, each, 1.0) for each in (replace(condition, gait=None), condition))
    net, whole = (said.forward_flow[0].double().flatten(2) for said in both)
    return net, whole


def rows(prior: MiniPrior, motions: list[str]) -> Iterator[list[str]]:
    """A row for each motion and number of legs."""
    held, known = held_out(), trained_on()
    for motion in motions:
        kind = MOTIONS[motion]
        for build in held:
            able, subjects = ([s for s in group[build] if can(s, kind)] for group in (known, held))
            figures = []
            for azimuth in map(float, AZIMUTHS_DEG) if subjects else ():
                constant = fitted([example(clip_of(subject, kind, azimuth), smooth) for subject in able])[:, 1]
                for subject in subjects:
                    clip = clip_of(subject, kind, azimuth)
                    each = example(clip, smooth)
                    there, said = each.there[:, 1, None], answers(prior, clip, f"a {clip.labels.noun} {motion}")
                    flows = (*said, constant @ each.basis)
                    figures.append([agreement(flow * there, each.flows[:, 1] * there) for flow in flows])
            if figures:
                yield [motion, build, str(len(subjects)), *(f"{x:.2f}" for x in np.mean(figures, 0).flatten())]


def can(subject: Subject, kind: str) -> bool:
    """Whether it has the limbs for a motion."""
    return any(action.kind == kind for action in possible(subject))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=None, help="of a training; those of the package by default")
    parser.add_argument("--motions", nargs="+", default=list(MOTIONS), choices=list(MOTIONS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(markdown_table(HEADS, []), end="")
    for row in rows(MiniPrior(options.weights), options.motions):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
