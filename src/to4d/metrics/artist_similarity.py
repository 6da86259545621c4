"""How near a generated clip is to clips that an artist made for the same object: a sanity scale, no target.

A prompt leaves open how a thing moves, so the true clip is one of many right answers. What the figures can tell is
whether the generated clip is nearer to the clip of its own motion than to those of other motions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from torch import Tensor

from to4d.errors import InputError, NotComputed
from to4d.metrics.artist_clips import AnimatedMesh, NoClips, animation_of, posed_meshes
from to4d.metrics.identity import silhouette_iou, ssim
from to4d.metrics.jsonable import jsonable
from to4d.metrics.renders import EvaluationRenders
from to4d.protocols import ReferenceRenderer
from to4d.types import Mesh, Render
from to4d.viewpoints import render_views

NOT_NAMED = dict.fromkeys(
    ("eval/real_ssim", "eval/real_silhouette_iou", "eval/real_rank"), "measures.artist_clips.clip names no clip"
) | {"eval/real_between_silhouette_iou": "there is only one clip"}
NAMES = ("real_ssim", "real_silhouette_iou", "real_rank", "real_nearest")


@dataclass(frozen=True)
class ArtistClipSimilarity:
    """Compares with the clips in the object's own file, frame by frame from the protocol's views.

    `real/<clip>/ssim` and `.../silhouette_iou` are means over views and frames; `real_nearest` is the clip with the
    largest overlap of silhouettes. `real_ssim` and `real_silhouette_iou` are those of `clip`, `real_rank` is its place
    (1: the nearest of all); `real_between_silhouette_iou` is the mean over pairs of real clips: how alike they are.

    Args:
        reference: a renderer for a mesh.
        clip: the name of the clip that the prompt means; null where none is meant.
        among: names of the clips to look at; null is all.
    """

    reference: Callable[[Mesh], ReferenceRenderer]
    clip: str | None = None
    among: tuple[str, ...] | None = None

    def __call__(self, renders: EvaluationRenders) -> dict[str, Any]:
        """Figures by name.

        Raises:
            NotComputed: if the object has no clips of its own.
            InputError: if there is no clip of a given name.
        """
        if not isinstance(renders.scene.reference, ReferenceRenderer):
            raise NotComputed(list(NAMES), "there are pictures of the object alone")
        mesh = renders.scene.reference.mesh
        try:
            animation = animation_of(mesh)
            shown = self.chosen(list(animation.clips))
            clips = {
                name: self.draw(renders, list(posed_meshes(mesh, animation, name, len(renders.times))))
                for name in shown
            }
        except NoClips as error:
            raise NotComputed(list(NAMES), str(error)) from error
        figures: dict[str, Any] = {}
        for name, real in clips.items():
            figures[f"real/{name}/ssim"] = ssim(renders.clips.rgb, real.rgb).mean().item()
            figures[f"real/{name}/silhouette_iou"] = mean_silhouette_iou(renders.clips.opacity, real.opacity)
        return jsonable({f"eval/{k}": v for k, v in (figures | self.summary(figures, clips)).items()}, NOT_NAMED)

    def recipe(self) -> dict[str, Any]:
        """How the figures are made."""
        return {"clip": self.clip, "among": None if self.among is None else list(self.among)}

    def chosen(self, known: list[str]) -> list[str]:
        """The clips to look at."""
        asked = list(known if self.among is None else self.among)
        asked += [self.clip] if self.clip is not None and self.clip not in asked else []
        if unknown := [name for name in asked if name not in known]:
            raise InputError(
                f"measures.artist_clips: no clip {', '.join(unknown)} in the object; it has {', '.join(known)}"
            )
        return asked

    def draw(self, renders: EvaluationRenders, meshes: list[Mesh]) -> Render:
        """A clip (B, V, ...) of meshes, one a frame."""
        return render_views(AnimatedMesh(meshes, self.reference), renders.cameras, renders.times)

    def summary(self, figures: dict[str, float], clips: dict[str, Render]) -> dict[str, Any]:
        """Which is nearest, where the clip that is meant stands, and how alike the real ones are."""
        ranked = sorted(clips, key=lambda name: -figures[f"real/{name}/silhouette_iou"])
        pairs = [mean_silhouette_iou(a.opacity, b.opacity) for a, b in combinations(clips.values(), 2)]
        own = self.clip
        return {
            "real_nearest": ranked[0],
            "real_rank": None if own is None else ranked.index(own) + 1,
            "real_ssim": None if own is None else figures[f"real/{own}/ssim"],
            "real_silhouette_iou": None if own is None else figures[f"real/{own}/silhouette_iou"],
            "real_between_silhouette_iou": sum(pairs) / len(pairs) if pairs else None,
        }


def mean_silhouette_iou(a: Tensor, b: Tensor) -> float:
    """Mean overlap of silhouettes (..., H, W, 1), frame by frame.

    >>> import torch
    >>> mean_silhouette_iou(torch.tensor([1.0, 1.0, 0.0]).view(1, 3, 1), torch.tensor([0.0, 1.0, 1.0]).view(1, 3, 1))
    0.3333333333333333
    """
    return silhouette_iou(a[..., 0], b[..., 0]).mean().item()
