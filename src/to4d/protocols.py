"""What a part must do to take its place in a phase: protocols, with the shapes of `to4d.types`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor, nn

from to4d.types import Cameras, Denoised, Mesh, Prompt, Render, Rig, Score

# Abilities of priors, see `Prior`
NEGATIVE_PROMPT, IMAGE_SCALE = "negative prompts", "a guidance scale of the image alone"
ATTENTION_MAPS, RELIEF = "attention maps of each layer", "the relief of the first frame"
OPTICAL_FLOW = "optical flow"
CAMERA_AZIMUTH, SEVERAL_PRIORS = "the camera's azimuth", "several priors by turns"


def attention_layer(number: int) -> str:
    """The ability of a prior whose network has a layer of this number among its attention maps.

    >>> attention_layer(3)
    'attention layer 3'
    """
    return f"attention layer {number}"


class Stateful(Protocol):
    """What has a state of tensors by name, as every `nn.Module` does."""

    def state_dict(self) -> dict[str, Any]:
        """Parameters and buffers by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Put such a state back."""
        ...


class CameraSchedule(Protocol):
    """Azimuths of the cameras over the progress of a phase: see `to4d.camera_schedule`."""

    def __call__(self, progress: float, count: int, generator: Generator) -> Tensor:
        """(count,) azimuths in degrees."""
        ...

    def limit_deg(self, progress: float) -> float:
        """Half the width of their range, for the log."""
        ...


class Lens(Protocol):
    """Everything about the cameras of a phase that is not the azimuth: see `to4d.lens`."""

    def __call__(self, azimuth_deg: Tensor, generator: Generator) -> Cameras:
        """Cameras at (B,) azimuths."""
        ...


class TimeSampler(Protocol):
    """Times of the frames of a training clip: see `to4d.time_sampler`."""

    @property
    def frames(self) -> int:
        """V."""
        ...

    def __call__(self, generator: Generator) -> Tensor:
        """(V,) rising times in [0, 1)."""
        ...


class Noise(Protocol):
    """Noise on a clip: see `to4d.noise`."""

    def __call__(self, shape: torch.Size, generator: Generator, cameras: Cameras, times: Tensor) -> Tensor:
        """(B, C, V, h, w), standard normal, for this rank's B views; see `to4d.distributed`."""
        ...


class Field(Protocol):
    """A 4D radiance field over [-1, 1]^3 x [0, 1), an nn.Module."""

    def __call__(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3), (N,) -> density (N,), rgb (N, 3)."""
        ...

    def density(self, points: Tensor, times: Tensor) -> Tensor:
        """(N, 3), (N,) -> (N,)."""
        ...

    def start_from(self, points: Tensor) -> None:
        """Be empty away from these points (N, 3) of the surface, before training."""
        ...

    def regularizer(self) -> Tensor:
        """A scalar that is large where motion is rough; 0 where the model has none."""
        ...

    def param_groups(self, static: float, dynamic: float, heads: float) -> list[dict[str, Any]]:
        """The optimizer's groups with a learning rate for each kind; a kind at rate 0 is left out (frozen)."""
        ...

    def motion_levels(self) -> list[list[nn.Parameter]]:
        """The motion's parameters level by level, from coarse to fine; [] for a motion that has no levels."""
        ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Of `nn.Module`."""
        ...


@runtime_checkable
class DeformableField(Field, Protocol):
    """A static field seen through a deformation: field(x, t) = static(x + d(x, t)), d(x, 0) = 0."""

    def displacement(self, points: Tensor, times: Tensor) -> Tensor:
        """Backward motion d(x, t): (N, 3), (N,) -> (N, 3); what is at x was at x + d when t was 0."""
        ...


@runtime_checkable
class MeshBoundField(DeformableField, Protocol):
    """A deformable field whose deformation lives on the mesh, and so is known forwards too."""

    def bind(self, mesh: Mesh, rig: Rig | None) -> None:
        """Live on this mesh, and move by its rig if the model has joints; to be called once, before anything else."""
        ...

    def forward_map(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (V, N, 3) of surface points (N, 3) at times (V,), and Jacobians (V, N, 3, 3) of the way back."""
        ...

    def move(self, points: Tensor, times: Tensor) -> Tensor:
        """The positions of `forward_map` alone."""
        ...


@runtime_checkable
class RiggedField(MeshBoundField, Protocol):
    """A field that moves by the joints of a rig."""

    rig: Rig

    def joint_maps(self, times: Tensor) -> Tensor:
        """(T,) -> (T, J, 3, 4): similarity transforms of the world from rest to each time, one for each joint."""
        ...


@runtime_checkable
class ReferenceRenderer(Protocol):
    """Renders the input mesh, an nn.Module."""

    mesh: Mesh

    def __call__(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """The mesh at rest: (B cameras), (V,) -> Render with leading shape (B, V)."""
        ...

    def draw(self, cameras: Cameras, vertices: Tensor, normals: bool = True) -> Render:
        """The mesh with its vertices at (V, N, 3): Render (B, V); for gradients see `to4d.render.surface_gradient`."""
        ...


@runtime_checkable
class Renderer(Stateful, Protocol):
    """Renders the 4D model `field`, an nn.Module."""

    field: Field
    needs_static_fit: bool  # whether it shows the field's own density and colour, which phase.static fits to the mesh

    def bind(self, reference: ReferenceRenderer, generator: Generator) -> None:
        """Show the object that `reference` draws; to be called once, before anything else."""
        ...

    def update(self, generator: Generator) -> None:
        """Follow the field, which is trained."""
        ...

    def __call__(
        self, cameras: Cameras, times: Tensor, normals: bool = True, generator: Generator | None = None
    ) -> Render:
        """(B cameras), (V,) -> Render with leading shape (B, V); `generator` jitters the samples along the rays."""
        ...


class Prior(Protocol):
    """An image-to-video diffusion model, frozen, an nn.Module. `alpha_bar[t]` is the signal's power at step t.

    Its latents may have fewer frames than its clips, V = 1 + r (v - 1): then they are the V of what `denoise` returns.

    `abilities` names what it can do beyond this protocol; a part that relies on one lists it in `needs`:
    NEGATIVE_PROMPT reads `Prompt.negative`, IMAGE_SCALE takes `image_scale` in `denoise`, ATTENTION_MAPS fills
    `Denoised.attention_maps`, and `attention_layer(i)` says that there is layer i. OPTICAL_FLOW fills its flows. RELIEF
    takes `relief` (B, H, W, 1) in `condition`, the shape of the first frame.
    CAMERA_AZIMUTH takes `azimuth_deg` (B,) there: 0 looks at the front. SEVERAL_PRIORS: see `PriorMixture`.
    """

    abilities: frozenset[str]
    alpha_bar: Tensor  # (T,) falling from near 1 to near 0
    frames: int  # V

    def encode(self, frames: Tensor) -> Tensor:
        """(B, V, H, W, 3) in [0, 1] -> latents (B, C, V, h, w), differentiable."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, V, h, w) -> (B, V, H, W, 3) in [0, 1]."""
        ...

    def condition(self, still: Tensor, prompt: Prompt) -> Any:
        """First frame (B, H, W, 3) and prompt -> whatever `denoise` needs; computed once a camera."""
        ...

    def eval(self) -> Any:
        """Of `nn.Module`."""
        ...

    def check_prompt(self, prompt: Prompt) -> None:
        """Raise `InputError` if the prior cannot read a prompt; called when a run is built, before any work."""

    def unknown_words(self, text: str) -> list[tuple[str, str]]:
        """Words of a prompt that the prior was not trained on, each with the nearest that it was trained on."""
        ...

    def denoise(
        self, noisy: Tensor, t: int, condition: Any, guidance_scale: float, image_scale: float | None = None
    ) -> Denoised:
        """z_t (B, C, V, h, w) at step t -> x0; guidance_scale 1 is the conditional prediction (usual CFG).

        With `image_scale`, the guidance of the text (`guidance_scale`) and that of the image are separate:
        p_0 + image_scale (p_i - p_0) + guidance_scale (p_c - p_i), where p_i is conditioned on the image alone.
        """
        ...


class PriorMixture(Protocol):
    """Several priors by name, of which a distillation queries one a step (ability SEVERAL_PRIORS)."""

    abilities: frozenset[str]
    frames: int  # V, of all parts
    parts: Mapping[str, Prior]


class Mask(Protocol):
    """Where a score counts: `mask(score) -> (B, 1, V, h, w)` in [0, 1], without gradient.

    A subclass inherits what a mask without needs and without state does.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Abilities that the prior must have."""
        return frozenset()

    def __call__(self, score: Score) -> Tensor:
        """(B, 1, V, h, w)."""
        ...

    def state_dict(self) -> dict[Any, Tensor]:
        """What the mask carries from step to step; goes into the checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[Any, Tensor]) -> None:
        """Put such a state back."""


class Distillation(Protocol):
    """From a render to a score: see `to4d.distillation`."""

    @property
    def needs(self) -> frozenset[str]:
        """Abilities that the prior must have."""
        ...

    def __call__(
        self,
        prior: Any,
        clip: Render,
        still: Render,
        prompt: Prompt,
        progress: float,
        generator: Generator,
        noise: Callable[[torch.Size, Generator], Tensor],
    ) -> Score:
        """The score of a clip (B, V) with first frames `still` (B,); `prior` is a `Prior` or a `PriorMixture`."""
        ...


@dataclass(frozen=True)
class Scene:
    """All that outlives a phase: the renderers of the input mesh and of the 4D model, the prompt and the prior."""

    reference: ReferenceRenderer
    renderer: Renderer  # of the 4D model, `renderer.field`
    prompt: Prompt
    prior: Prior | None = None  # None where no phase needs one
    rig: Rig | None = None  # of the input mesh; None: it has none


class Exporter(Protocol):
    """Writes files of a trained scene below a folder.

    A subclass inherits what most do: it is called before the metrics, and has nothing to combine.
    """

    after_metrics: ClassVar[bool] = False  # call it last: it reads metrics.json and what other exporters wrote

    def __call__(self, scene: Scene, out: Path) -> dict[str, Any] | None:
        """Write below `out`; returns figures for metrics.json, `export/<quantity>`, if it has any."""
        ...

    def combine(self, scenes: Sequence[Scene], out: Path) -> dict[str, Any]:
        """Write one file of several scenes of one mesh, a clip for each; returns figures. {}: the format has none."""
        return {}
