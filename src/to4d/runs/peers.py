"""What other programs made, rendered as `evaluate.py` renders a run of ours: a folder of pictures, or an animated file.

Each is one call, `peer(views, frames) -> EvaluationRenders`, and `sources()` names the files that were read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from to4d.errors import InputError
from to4d.mesh import convention_of, load_mesh
from to4d.metrics.artist_clips import AnimatedMesh, NoClips, animation_of, posed_meshes
from to4d.metrics.renders import EvaluationRenders, render_for_evaluation
from to4d.prompt import make_prompt
from to4d.protocols import ReferenceRenderer, Renderer, Scene
from to4d.types import Mesh, Render
from to4d.viewpoints import Viewpoints, frame_times

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
WHITE = 1.0 - 8.0 / 255.0  # a pixel with no channel below this is background, where a picture has no alpha


@dataclass(frozen=True)
class Frames:
    """Pictures over white or with alpha: `<azimuth>/*.png` in order of their names, and `mesh/<azimuth>.png`.

    It is the layout that `evaluate.py` itself writes. Longer clips are thinned out, larger pictures made smaller.
    Pictures have no depth and no surface, so what needs these is not computed.
    """

    folder: str
    prompt: str
    noun: str

    def __call__(self, views: Viewpoints, frames: int) -> EvaluationRenders:
        """What the pictures show.

        Raises:
            InputError: if some are missing, or are not square or too small.
        """
        folder = Path(self.folder)
        clips = [self.clip(folder / name, frames, views.size) for name in views.names]
        mesh = [picture(self.still(folder, name), views.size)[None] for name in views.names]
        nothing = cast(Any, nn.Module())  # pictures come without renderers
        scene = Scene(nothing, nothing, make_prompt(self.prompt, self.noun))
        return EvaluationRenders(scene, views.names, views.cameras(), frame_times(frames), flat(clips), flat(mesh))

    def clip(self, folder: Path, frames: int, size: int) -> Tensor:
        """(V, size, size, 4) of one view."""
        found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
        if len(found) < frames:
            raise InputError(
                f"{folder} holds {len(found)} pictures, and frames={frames} are looked at; see docs/metrics.md"
            )
        return torch.stack([picture(found[i * len(found) // frames], size) for i in range(frames)])

    def still(self, folder: Path, name: str) -> Path:
        """The input object from one view."""
        found = [path for path in (folder / "mesh").glob(f"{name}.*") if path.suffix.lower() in PICTURES]
        if not found:
            raise InputError(f"{folder}/mesh holds no {name}.png, the input object seen from {int(name)} degrees")
        return found[0]

    def sources(self) -> list[Path]:
        """The pictures."""
        return sorted(path for path in Path(self.folder).rglob("*") if path.suffix.lower() in PICTURES)


@dataclass(frozen=True)
class AnimatedFile:
    """A clip of a glTF file, from start to end.

    Args of the constructor:
        path: the file.
        reference: a renderer for a mesh.
        prompt, noun: what was asked for.
        clip: its name; null is the only one, or the first.
        input: the mesh that went in, placed as every mesh is (centred, in a sphere); null is the clip's first frame.
    """

    path: str
    reference: Callable[[Mesh], ReferenceRenderer]
    prompt: str
    noun: str
    clip: str | None = None
    input: str | None = None

    def __call__(self, views: Viewpoints, frames: int) -> EvaluationRenders:
        """What the file shows.

        Raises:
            InputError: if it holds no such clip.
        """
        mesh = _as_filed(Path(self.path), self.noun)
        try:
            animation = animation_of(mesh)
            name = self.clip or next(iter(animation.clips))
            if name not in animation.clips:
                raise InputError(f"{self.path} has no clip {name}; it has {', '.join(animation.clips)}")
            poses = list(posed_meshes(mesh, animation, name, frames))
        except NoClips as error:
            raise InputError(f"{error}; peer.path has to be an animated .glb or .gltf") from error
        first = poses[0] if self.input is None else _as_filed(Path(self.input), self.noun)
        renderer = cast(Renderer, AnimatedMesh(poses, self.reference))  # it has no field
        scene = Scene(self.reference(first), renderer, make_prompt(self.prompt, self.noun))
        return render_for_evaluation(scene, views, frames)

    def sources(self) -> list[Path]:
        """The file."""
        return [Path(self.path), *([] if self.input is None else [Path(self.input)])]


def _as_filed(path: Path, noun: str) -> Mesh:
    """The mesh as its file has it: a clip and its input mesh are to face the same way, whatever each looks like."""
    return load_mesh(path, noun, up=convention_of(path).up, front_deg=0.0)


def picture(path: Path, size: int) -> Tensor:
    """(size, size, 4) colour over white, and opacity.

    Raises:
        InputError: if it cannot be read, is not square, or is too small.
    """
    try:
        with Image.open(path, formats=[PICTURES[path.suffix.lower()]]) as image:
            image = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error})") from error
    if image.width != image.height or image.width < size:
        raise InputError(
            f"{path} has {image.width} x {image.height} pixels; a square of {size} or more is needed: views.size={size}"
        )
    pixels = np.asarray(image, np.float32) / 255.0
    if pixels.shape[-1] == 3:
        opacity = (pixels.min(-1, keepdims=True) < WHITE).astype(np.float32)
        return shrunk(torch.from_numpy(np.concatenate([pixels, opacity], -1)), size)
    alpha = pixels[..., 3:]
    return shrunk(torch.from_numpy(np.concatenate([pixels[..., :3] * alpha + 1.0 - alpha, alpha], -1)), size)


def shrunk(pixels: Tensor, size: int) -> Tensor:
    """(n, n, c) -> (size, size, c), each new pixel the mean of the area that it covers."""
    return nn.functional.interpolate(pixels.movedim(-1, 0)[None], (size, size), mode="area")[0].movedim(0, -1)


def flat(pictures: list[Tensor]) -> Render:
    """B clips (V, H, W, 4) as one that knows no depth."""
    pixels = torch.stack(pictures)
    return Render(pixels[..., :3], pixels[..., 3:], torch.full_like(pixels[..., 3:], torch.nan))
