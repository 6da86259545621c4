"""Fit the gaits of the package again: `TO4D_DATA=... python -m to4d.guidance.mini.fit_gaits`.

Each example is a training object in the ordinary style, seen from one side; least squares weigh it by its own size.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from to4d.guidance.mini.data.actions import Action, perform
from to4d.guidance.mini.data.autorig import BUILDS
from to4d.guidance.mini.data.clips import DISTANCE, FRAMES, Clip, Told, View, make_clip
from to4d.guidance.mini.data.limb_motions import LIMB_MOTIONS
from to4d.guidance.mini.data.objects import HELD_OUT_KINDS, KINDS, Subject, load_real
from to4d.guidance.mini.data.style import Style
from to4d.guidance.mini.flow import Outline, find_object
from to4d.guidance.mini.gaits import GAITS, SHIPPED, basis, enlarged

Terms = Callable[[Outline, Tensor], Tensor]
ORDINARY = Style(amplitude=1.0, speed=1.0, sign=1.0, phase=0.0, cycles=0.5, heading=0.0)
EACH, AZIMUTHS_DEG = 2, range(-180, 180, 30)  # procedural objects of a kind, and sides to see each from
RADIUS, ELEVATION_DEG, FOV_DEG = 0.55, 10.0, 35.0


@dataclass(frozen=True)
class Example:
    """A true clip: basis (P, 256), and for both ways flows (V, 2, 3, 256) and where the object is (V, 2, 256)."""

    basis: Tensor
    flows: Tensor
    there: Tensor


def example(clip: Clip, terms: Terms = basis) -> Example:
    """A clip as sums of what `terms` make of an outline and an azimuth (1,)."""
    frames, relief = torch.from_numpy(clip.frames[:1]).float() / 255.0, torch.from_numpy(clip.relief[None]).float()
    both = np.stack([clip.flow, clip.forward], 1)
    there = np.stack([clip.opacity, np.broadcast_to(clip.opacity[:1], clip.opacity.shape)], 1) > 0.3
    return Example(
        terms(find_object(frames, relief), torch.tensor([clip.told.azimuth_deg]))[0].flatten(1).double(),
        torch.from_numpy(both).double().movedim(-1, 2).flatten(3),
        torch.from_numpy(there).double().flatten(2),
    )


def clip_of(subject: Subject, kind: str, azimuth_deg: float) -> Clip:
    """An object in the ordinary style."""
    action, tau = Action(kind, "limbs" if kind in LIMB_MOTIONS else "whole"), np.arange(FRAMES) / FRAMES
    moved = perform(action, subject, np.random.default_rng(0), tau, ORDINARY, RADIUS)
    light = np.array([0.0, 1.0, 0.0])
    view = View(azimuth_deg, ELEVATION_DEG, DISTANCE, FOV_DEG, np.ones(3), light, ambient=1.0)
    return make_clip(subject.mesh, moved, view, Told("", subject.nouns[0], kind, 1.0, azimuth_deg))


def walkers(random: np.random.Generator) -> Iterator[Subject]:
    """Training objects with legs: procedural ones, and the scans whose limbs are known."""
    real = load_real(held_out=False)
    makers = [KINDS[kind] for kind in KINDS if kind not in HELD_OUT_KINDS for _ in range(EACH)]
    procedural = (Subject(make(random).scaled(random.uniform(0.8, 1.25, 3)), nouns) for make, nouns in makers)
    scans = (real[slug] for slug in BUILDS if slug in real)
    for subject in (*procedural, *scans):
        if any(limb.name == "leg" for limb in subject.mesh.limbs):
            yield subject


def fitted(examples: list[Example], ridge: float = 1e-3) -> Tensor:
    """Coefficients (V, 2, 3, P): least squares, each clip relative to its own size."""
    normal, right = 0.0, 0.0
    for each in examples:
        weight = each.there / each.flows[:, 1].square().sum().clamp_min(1e-9)
        normal = normal + torch.einsum("pn,vwn,qn->vwpq", each.basis, weight, each.basis)
        right = right + torch.einsum("pn,vwn,vwcn->vwpc", each.basis, weight, each.flows)
    size = normal.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    eye = torch.eye(normal.shape[-1], dtype=normal.dtype)
    return torch.linalg.solve(normal + ridge * size * eye, right).transpose(-2, -1)


def along(flow: Tensor, truth: Tensor) -> float:
    """How much of the truth a flow tells (both (V, 3, 256)), over places that go half as far as the farthest."""
    far = truth.norm(dim=1, keepdim=True)
    far = (far > 0.5 * far.max()).double()
    return float((flow * truth * far).sum() / (truth.square() * far).sum())


def told(coefficients: Tensor, each: Example, gain: float) -> float:
    """How much of a clip's true forward flow is in the enlarged sum."""
    there = each.there[:, 1]
    flow = enlarged((coefficients[:, 1] @ each.basis)[..., None], there[..., None], gain)[..., 0]
    return along(flow, each.flows[:, 1] * there[:, None])


def gain_of(coefficients: Tensor, examples: list[Example]) -> float:
    """What makes the examples' flows tell all of the truth on average; what is told is linear in it."""
    none, one = (np.mean([told(coefficients, each, gain) for each in examples]) for gain in (0.0, 1.0))
    return float((1.0 - none) / (one - none))


def main() -> None:
    """Fit them again and write the file of the package."""
    subjects, parts, gains = list(walkers(np.random.default_rng(5))), [], []
    for gait in GAITS:
        examples = [example(clip_of(subject, gait, float(azimuth))) for subject in subjects for azimuth in AZIMUTHS_DEG]
        parts.append(fitted(examples))
        parts[-1][0] = 0.0  # frame 0 is the first frame itself
        gains.append(gain_of(parts[-1], examples))
        share = np.mean([told(parts[-1], each, 1.0) for each in examples])
        print(f"{gait}: {len(subjects)} objects, {len(examples)} clips, {share:.2f} told; enlarged by {gains[-1]:.2f}")
    known = {"coefficients": torch.stack(parts).half().contiguous(), "gain": torch.tensor(gains, dtype=torch.float32)}
    save_file(known, SHIPPED)
    print(f"gaits in {SHIPPED}")


if __name__ == "__main__":
    main()
