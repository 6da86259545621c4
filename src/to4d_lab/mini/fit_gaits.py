"""Fit the gaits of the package again: `TO4D_DATA=... python -m to4d_lab.mini.fit_gaits`.

Each example is a training object in the ordinary style, seen from one side; least squares weigh it by its own size.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from to4d.guidance.mini.flow import Outline, find_object
from to4d.guidance.mini.gait_words import GAITS
from to4d.guidance.mini.gaits import SHIPPED, STANCES, WHOLE, basis, shape
from to4d_lab.data.actions import Action, perform
from to4d_lab.data.autorig import BODY_PLANS, BodyPlan, rig
from to4d_lab.data.clip_rendering import DISTANCE, FRAMES, Clip, ClipLabels, View, make_clip
from to4d_lab.data.limb_motions import LIMB_MOTIONS
from to4d_lab.data.objects import HELD_OUT_KINDS, KINDS, Subject, load_real
from to4d_lab.data.style import Style

Terms = Callable[[Outline, Tensor], Tensor]
ORDINARY = Style(amplitude=1.0, speed=1.0, sign=1.0, phase=0.0, cycles=0.5, heading=0.0)
EACH, AZIMUTHS_DEG = 2, range(-180, 180, 30)  # objects of a kind, and sides to see each from
MORE_BODY_PLANS = {  # the net learns from the clips of these; here they are moved as the others are
    "kaykit_knight": BodyPlan("biped", hip=0.28, neck=0.55, torso=0.42, reach=0.6),
    "kaykit_mage": BodyPlan("biped", hip=0.22, neck=0.45, torso=0.35, reach=0.45),
    "kenney_platformer_hero": BodyPlan("biped", hip=0.2, neck=0.8, torso=0.5, reach=0.6),
    "q_mech_george": BodyPlan("biped", hip=0.5, neck=0.78, torso=0.5),
    "robot_expressive": BodyPlan("biped", hip=0.16, neck=0.48, torso=0.5, reach=0.52),
    "q_horse": BodyPlan("quadruped", hip=0.5, neck=0.78, tail=0.12),
}
LIMBS = {"walk": "leg", "run": "leg", "wave": "arm"}
RADIUS, ELEVATION_DEG, FOV_DEG = 0.55, 10.0, 35.0


@dataclass(frozen=True)
class Example:
    """A true clip: basis (P, 256), and for both ways flows (V, 2, 3, 256) and where the object is (V, 2, 256)."""

    basis: Tensor
    flows: Tensor
    there: Tensor


def first_frame_outline(clip: Clip) -> tuple[Outline, Tensor]:
    """The object's outline in a clip's first frame, and the camera's azimuth (1,)."""
    frames, relief = torch.from_numpy(clip.frames[:1]).float() / 255.0, torch.from_numpy(clip.relief[None]).float()
    return find_object(frames, relief), torch.tensor([clip.labels.azimuth_deg])


def example(clip: Clip, terms: Terms = basis) -> Example:
    """A clip as sums of what `terms` make of an outline and an azimuth (1,)."""
    both = np.stack([clip.flow, clip.forward], 1)
    there = np.stack([clip.opacity, np.broadcast_to(clip.opacity[:1], clip.opacity.shape)], 1) > 0.3
    return Example(
        terms(*first_frame_outline(clip))[0].flatten(1).double(),
        torch.from_numpy(both).double().movedim(-1, 2).flatten(3),
        torch.from_numpy(there).double().flatten(2),
    )


def clip_of(subject: Subject, kind: str, azimuth_deg: float) -> Clip:
    """An object in the ordinary style."""
    action, tau = Action(kind, "limbs" if kind in LIMB_MOTIONS else "whole"), np.arange(FRAMES) / FRAMES
    moved = perform(action, subject, np.random.default_rng(0), tau, ORDINARY, RADIUS)
    light = np.array([0.0, 1.0, 0.0])
    view = View(azimuth_deg, ELEVATION_DEG, DISTANCE, FOV_DEG, np.ones(3), light, ambient=1.0)
    return make_clip(subject.mesh, moved, view, ClipLabels("", subject.nouns[0], kind, 1.0, azimuth_deg))


def legged_subjects(random: np.random.Generator) -> Iterator[Subject]:
    """Training objects with legs, several of a kind: procedural ones, and real meshes with known limbs."""
    kinds = {kind: KINDS[kind] for kind in KINDS if kind not in HELD_OUT_KINDS}
    for slug, subject in load_real(held_out=False).items():
        mesh = subject.mesh
        if slug in MORE_BODY_PLANS:
            mesh = replace(mesh, limbs=rig(mesh, MORE_BODY_PLANS[slug]))
        if slug in {*BODY_PLANS, *MORE_BODY_PLANS}:
            kinds[slug] = (lambda _, mesh=mesh: mesh, subject.nouns)
    for make, nouns in kinds.values():
        for _ in range(EACH):
            subject = Subject(make(random).scaled(random.uniform(0.8, 1.25, 3)), nouns)
            if has_limb(subject, "leg"):
                yield subject


def has_limb(subject: Subject, limb: str) -> bool:
    """Whether a limb of that name is known."""
    return any(limb == each.name for each in subject.mesh.limbs)


def on_four(subject: Subject) -> bool:
    """Whether it has legs at its front and its back."""
    return any(limb.end for limb in subject.mesh.limbs if limb.name == "leg")


def fitted(examples: list[Example], ridge: float = 1e-2) -> Tensor:
    """Coefficients (V, 2, 3, P): least squares, each clip relative to its own size; frame 0 does not move."""
    normal = right = torch.zeros((), dtype=torch.double)
    for each in examples:
        weight = each.there / each.flows[:, 1].square().sum().clamp_min(1e-9)
        normal = normal + torch.einsum("pn,vwn,qn->vwpq", each.basis, weight, each.basis)
        right = right + torch.einsum("pn,vwn,vwcn->vwpc", each.basis, weight, each.flows)
    size = normal.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    eye = torch.eye(normal.shape[-1], dtype=normal.dtype)
    found = torch.linalg.solve(normal + ridge * size * eye, right).transpose(-2, -1)
    found[0] = 0.0
    return found


def explained_share(flow: Tensor, truth: Tensor) -> float:
    """The share of the true flow in a flow (both (V, 3, 256)), over places that go half as far as the farthest."""
    far = truth.norm(dim=1, keepdim=True)
    far = (far > 0.5 * far.max()).double()
    return float((flow * truth * far).sum() / (truth.square() * far).sum())


def enlarge_limb_terms(coefficients: Tensor, gain: float, kept: int = WHOLE) -> Tensor:
    """Coefficients (..., P) times a gain, but for the first, which are those of the whole object."""
    return torch.cat([coefficients[..., :kept], gain * coefficients[..., kept:]], -1)


def explained_by(coefficients: Tensor, each: Example) -> float:
    """The share of a clip's true forward flow that the coefficients (V, 2, 3, P) explain."""
    there = each.there[:, 1, None]
    return explained_share(coefficients[:, 1] @ each.basis * there, each.flows[:, 1] * there)


def gain_of(coefficients: Tensor, examples: list[Example], kept: int = WHOLE) -> float:
    """The gain with which all of the true flow is explained on average; the explained share is linear in it."""
    none, one = (
        np.mean([explained_by(enlarge_limb_terms(coefficients, gain, kept), each) for each in examples])
        for gain in (0.0, 1.0)
    )
    return float((1.0 - none) / (one - none))


def fit_stance_classifier(shapes: Tensor, four: Tensor, penalty: float = 1e-3) -> Tensor:
    """Weights (10,) of logistic regression: which shapes (n, 10) stand on `four` legs (n,)."""
    weights = torch.zeros(shapes.shape[1], dtype=shapes.dtype, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = binary_cross_entropy_with_logits(shapes @ weights, four) + penalty * weights.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weights.detach()


def main() -> None:
    """Fit them again and write the file of the package."""
    argparse.ArgumentParser(description="Fit the gaits again and write the file of the package.").parse_args()
    subjects, coefficients = list(legged_subjects(np.random.default_rng(5))), []
    for gait in GAITS:
        clips = {stance: [] for stance in STANCES}
        for subject in (each for each in subjects if has_limb(each, LIMBS[gait])):
            clips[STANCES[on_four(subject)]] += [clip_of(subject, gait, float(azimuth)) for azimuth in AZIMUTHS_DEG]
        found = {}
        for stance, some in ((stance, [example(clip) for clip in some]) for stance, some in clips.items() if some):
            known = fitted(some)
            share = np.mean([explained_by(known, each) for each in some])
            kept = WHOLE if LIMBS[gait] == "leg" else 0  # who waves stands still: the whole only makes up for arms
            gain = gain_of(known, some, kept)
            found[stance] = enlarge_limb_terms(known, gain, kept)
            print(f"{gait} {stance}: {len(some)} clips, {share:.2f} explained; enlarged by {gain:.2f}", flush=True)
        two, four = STANCES
        coefficients += [found[two], found.get(four, found[two])]  # nobody has arms who stands on four
        if gait == GAITS[0]:
            shapes = torch.cat(
                [shape(*first_frame_outline(clip)) for stance in STANCES for clip in clips[stance]]
            ).double()
            stands = (torch.arange(len(shapes)) >= len(clips[two])).to(shapes)
            stance_weights = fit_stance_classifier(shapes, stands)
            print(f"two legs or four: {((shapes @ stance_weights > 0.0) == (stands > 0.5)).double().mean():.0%} right")
    known = torch.stack(coefficients).unflatten(0, (len(GAITS), len(STANCES))).half().contiguous()
    save_file({"coefficients": known, "four": stance_weights.float()}, SHIPPED)
    print(f"gaits in {SHIPPED}")


if __name__ == "__main__":
    main()
