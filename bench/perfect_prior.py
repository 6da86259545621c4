"""What does distillation lose by itself? It is asked to find motions of which its prior knows the truth.

    TO4D_DATA=... python bench/perfect_prior.py --out DIR [--objects ...] [--motions ...] [--models ...] [KEY=VALUE ...]

The prior answers every question with the clip, the flows and the silhouette of the mesh as the data engine moves it,
seen by the camera that asks, at 64 x 64. What is missing in the end is lost by cameras that see one side at a time, by
the model of the motion and its price, and by the number of steps; the rest of what a real run misses is the real
prior's.

    missed  distance of the surface from where it should be, as a share of how far it should have gone (root mean square
            over vertices and frames)
    views   of four, in which the prompt's own motion check passes, with its figure and threshold
    stretch see docs/metrics.md

    least   what the best motion of the joints misses, for model bones: fitted to the vertices themselves

Model bones moves by the limbs that the data engine cuts with planes (`--rig limbs`), or by those that `rig=found`
finds, which are others.

Finished cells are kept: the command resumes.
"""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from motion_matrix import animated, parsed
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree
from torch import Tensor

from to4d.geometry import azimuths_deg
from to4d.guidance.mini.prior import MiniPrior
from to4d.phases import MotionPhase
from to4d.report.writers import markdown_table
from to4d.runs.run import restore
from to4d.surface_tracks import track_surface
from to4d.types import Cameras, Denoised, Mesh, Rig
from to4d_lab.data import assets, autorig, clip_rendering
from to4d_lab.data.actions import Action, perform
from to4d_lab.data.coloured import ColouredMesh, Limb
from to4d_lab.data.limb_motions import LIMB_MOTIONS
from to4d_lab.data.objects import Subject
from to4d_lab.data.style import smooth
from to4d_lab.mini.fit_gaits import ORDINARY, RADIUS

OBJECTS = {  # slug, what its limbs are
    "gso/mario": ("gso_mario", "biped"),
    "gso/spiderman": ("gso_spiderman", "biped"),
    "gso/rhino": ("gso_rhino", "quadruped"),
    "gso/lion": ("gso_lion", "quadruped"),
    "gso/unicorn": ("gso_unicorn", "quadruped"),
}
KINDS = {
    **{"jumping": "jump", "growing": "grow", "melting": "melt", "swaying": "sway", "spinning": "spin"},
    **{"shaking": "shake", "nodding": "nod", "falling over": "fall", "walking": "walk", "running": "run"},
    "waving": "wave",
}


class Truth:
    """A mesh of `TO4D_DATA` that moves as the data engine moves it."""

    def __init__(self, slug: str, build: str, kind: str) -> None:
        mesh = assets.load_asset(next(entry for entry in assets.manifest() if entry["slug"] == slug))
        self.subject = Subject(replace(mesh, limbs=autorig.rig(mesh, build)), ("object",))
        self.action = Action(kind, "limbs" if kind in LIMB_MOTIONS else "whole")

    def moved(self, times: np.ndarray) -> np.ndarray:
        """(V,) -> vertices (V, N, 3)."""
        return perform(self.action, self.subject, np.random.default_rng(0), times, ORDINARY, RADIUS)


class LimbRig:
    """A rig of the limbs that the data engine moves: a root, a joint for each limb, a knee for each leg."""

    def __init__(self, slug: str, build: str, kind: str, **others: Any) -> None:
        self.truth = Truth(slug, build, kind)

    def __call__(self, mesh: Mesh) -> Rig:
        """Of a mesh whose vertices follow the three nearest of the data engine's."""
        rest, ours = self.truth.moved(np.zeros(1))[0], self.truth.subject.mesh
        scale = np.ptp(rest, axis=0).max() / np.ptp(ours.vertices, axis=0).max()
        parts = [(rest.mean(0), -1, "root", 0, np.ones(len(rest)))]
        for limb in ours.limbs:
            role = (
                {1.0: "fore", -1.0: "hind"}.get(limb.end, "") + limb.name + {1.0: "_L", -1.0: "_R"}.get(limb.side, "")
            )
            for rank, (pivot, members) in enumerate(turning(ours, limb)):
                place = rest.mean(0) + scale * (pivot - ours.vertices.mean(0))
                parts.append((place, len(parts) - 1 if rank else 0, role, rank, members))
        places, parents, roles, ranks, members = zip(*parts, strict=True)
        own = np.array(members)
        for joint, parent in enumerate(parents[1:], 1):
            own[parent] -= members[joint]
        distances, near = KDTree(rest).query(mesh.vertices.numpy(), 3)
        shares = (own.clip(0).T[near] / (distances + 1e-6)[..., None]).sum(1)
        weights, influences = torch.from_numpy(shares).float().topk(4)
        weights, joints = weights / weights.sum(1, keepdim=True), torch.from_numpy(np.array(places)).float()
        body = "quadruped" if any(limb.end for limb in ours.limbs) else "biped"
        names = tuple(f"{role}.{rank}" for role, rank in zip(roles, ranks, strict=True))
        return Rig(joints, parents, names, roles, ranks, influences, weights, body, 1.0, "found")


def turning(mesh: ColouredMesh, limb: Limb) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where a limb turns, from the body outwards, and which vertices (N,) turn there; see `posing.swing_leg`."""
    if limb.name != "leg":
        return [(limb.pivot, limb.members)]
    way = mesh.vertices[limb.members > 0.5 * limb.members.max()]
    foot = way[way[:, 1] < way[:, 1].min() + 0.3 * np.ptp(way[:, 1])].mean(0)
    knee, length = 0.5 * (limb.pivot + foot), np.linalg.norm(limb.pivot - foot)
    lower = smooth(0.5 + (knee[1] - mesh.vertices[:, 1]) / (0.4 * length))
    return [(limb.pivot, limb.members), (knee, limb.members * lower)]


class PerfectPrior(MiniPrior):
    """The embedded prior's codec, and the truth for an answer."""

    def __init__(self, slug: str, build: str, kind: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.truth = Truth(slug, build, kind)
        self.answer: Denoised | None = None

    def look(self, cameras: Cameras, times: Tensor) -> None:
        """Find out the answer for those who are about to ask."""
        each = (cameras.map_tensors(lambda x, i=i: x[i : i + 1]) for i in range(len(cameras.pose)))
        parts = zip(*(self.clip(camera, times) for camera in each), strict=True)
        frames, opacity, flow, forward = (torch.stack(part) for part in parts)
        self.answer = Denoised(self.encode(frames), opacity, flow, forward_flow=forward)

    def denoise(self, noisy: Tensor, t: int, condition: object, guidance_scale: float) -> Denoised:
        """The true clip, however often and noisy it is asked for."""
        return self.answer

    def clip(self, camera: Cameras, times: Tensor) -> tuple[Tensor, ...]:
        """Frames (V, S, S, 3), opacity at the latents' pixels (V, 16, 16), flow and forward flow (V, 3, S, S)."""
        eye = camera.pose[0, :3, 3]
        view = clip_rendering.View(
            azimuth_deg=float(azimuths_deg(camera)),
            elevation_deg=float(torch.rad2deg(torch.arcsin(eye[1] / eye.norm()))),
            distance=float(eye.norm()),
            fov_deg=float(torch.rad2deg(camera.fov)),
            background=np.ones(3),
            light=np.array([0.0, 1.0, 0.0]),
            ambient=1.0,
        )
        moved = self.truth.moved(times.double().numpy())
        frames, opacity, sources, here, goals = clip_rendering.render(self.truth.subject.mesh, moved, view)
        first = np.broadcast_to(opacity[:1], opacity.shape)
        flow, forward = filled(sources - here, opacity), filled(goals - here[:1], first)
        small, _ = clip_rendering.pooled(opacity, opacity)
        return tuple(torch.from_numpy(np.ascontiguousarray(x)).float() for x in (frames, small, flow, forward))


class Asking(MotionPhase):
    """A phase that tells its prior who asks."""

    def training_step(self, *batch: Any) -> Tensor:
        """As ever, with the cameras and times that this step will draw known before."""
        generator = self.step_generator()
        self.prior.look(self.cameras(generator), self.time_sampler(generator))
        return super().training_step(*batch)


def filled(values: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(V, S, S, c) -> (V, c, S, S): beside the object, as at its nearest pixel; a prior's flows are smooth there."""
    out = []
    for frame, there in zip(values, opacity[..., 0] > 0.5, strict=True):
        rows, columns = distance_transform_edt(~there, return_distances=False, return_indices=True)
        out.append(frame[rows, columns].transpose(2, 0, 1))
    return np.stack(out)


def missed(folder: Path, truth: Truth, frames: int = 16) -> float:
    """See the top of this file."""
    times = torch.arange(frames) / frames
    wanted = torch.from_numpy(truth.moved(times.double().numpy())).float()
    tracks = track_surface(restore(folder, trust=True).renderer.field, wanted[0], times)
    error, way = (tracks.positions - wanted)[tracks.found], (wanted - wanted[:1])[tracks.found]
    return float((error.square().sum() / way.square().sum()).sqrt())


def least(folder: Path, truth: Truth, frames: int = 16, steps: int = 250) -> float:
    """See the top of this file."""
    times = torch.arange(frames) / frames
    wanted = torch.from_numpy(truth.moved(times.double().numpy())).float()
    field, size = restore(folder, trust=True).renderer.field, (wanted - wanted[:1]).square().sum()
    knots = list(field.motion.parameters())
    for knot in knots:
        knot.data.zero_()
    optimizer = torch.optim.Adam(knots, lr=6e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        ((field.move(wanted[0], times) - wanted).square().sum() / size).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return float(((field.move(wanted[0], times) - wanted).square().sum() / size).sqrt())


def cell(name: str, motion: str, model: str, rig: str, out: Path, settings: list[str]) -> list[str]:
    """The figures of one object, motion and model; run unless that is done."""
    known = dict(zip(("slug", "build", "kind"), (*OBJECTS[name], KINDS[motion]), strict=True))
    own = ["guidance._target_=perfect_prior.PerfectPrior", *(f"+guidance.{key}={known[key]}" for key in known)]
    own += [f"phase.{phase}._target_=perfect_prior.Asking" for phase in ("dynamic", "refine")]
    if model == "bones":
        limbs = ["rig._target_=perfect_prior.LimbRig", *(f"+rig.{key}={known[key]}" for key in known)]
        own += ["rig=found", *(limbs if rig == "limbs" else [])]
    place = out / (f"bones_{rig}" if model == "bones" else model)
    folder = animated(name, motion, place, [f"model={model}", *own, *settings])
    metrics = json.loads((folder / "metrics.json").read_text())
    check = max((metrics[f"eval/motion/{view}"] for view in ("000", "090", "180", "270")), key=lambda c: c["value"])
    views = f"{metrics['eval/motion_views']} ({check['value']:.3g} of {check['threshold']:.3g})"
    truth = Truth(**known)
    bound = f"{least(folder, truth):.2f}" if model == "bones" else "-"
    return [name, motion, model, f"{missed(folder, truth):.2f}", bound, views, f"{metrics['eval/stretch']:.3f}"]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--objects", nargs="+", default=list(OBJECTS), choices=list(OBJECTS))
    parser.add_argument("--motions", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--models", nargs="+", default=["deform", "nodes", "bones"])
    parser.add_argument("--rig", default="limbs", choices=["limbs", "found"], help="of model bones")
    options, settings = parsed(parser)
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # the runs are processes of their own, and find this file
    print(markdown_table(["object", "motion", "model", "missed", "least", "views", "stretch"], []), end="")
    for name in options.objects:
        for motion in options.motions:
            for model in options.models:
                row = cell(name, motion, model, options.rig, options.out.resolve(), settings)
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
