"""The training phases. Each owns its parts; only the scene outlives it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self, cast

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from to4d.disk.checkpoint import fill
from to4d.distributed import all_reduce_mean, average_gradients, rank_and_world_size, rank_weight, shard
from to4d.errors import InputError
from to4d.flow_loss import background_correspondences, flow_loss, surface_correspondences
from to4d.geometry import azimuths_deg, relief
from to4d.guidance_query import check_abilities, check_frames
from to4d.latent_frames import in_latent_frames, to_clip_frames
from to4d.losses import sds_loss
from to4d.protocols import (
    OPTICAL_FLOW,
    CameraSchedule,
    DeformableField,
    Distillation,
    Lens,
    Mask,
    Noise,
    Prior,
    Scene,
    TimeSampler,
)
from to4d.types import Cameras, Render, Score, generator_at


class Phase(LightningModule):
    """What all phases share: cameras, random numbers, learning rates as functions of the step, a light checkpoint."""

    cost: ClassVar[float] = 1.0  # of a step, relative to the other phases: for the estimate of the time left
    cached: ClassVar[bool] = False  # whether the result depends on the mesh and the configuration alone
    needs_prior: ClassVar[bool] = False
    last_mask: Tensor | None = None  # (B, V, h, w) of the last step, for the log; None: the phase has no mask
    last_clip: Tensor | None = None  # (B, V, H, W, 3) of the last step, for the log

    def __init__(
        self,
        name: str,
        scene: Scene,
        seed: int,
        steps: int,
        lr: Mapping[str, float],
        lr_schedule: Callable[[float], float],
        camera_schedule: CameraSchedule,
        lens: Lens,
        static_loss: Callable[[Render, Render], Tensor],
        views: int = 1,
    ) -> None:
        """Keep the parts.

        Args:
            name: of the phase; its log keys start with it and its random numbers depend on it.
            scene: what to train and to render.
            seed: of the run.
            steps: of training.
            lr: peak learning rates of the field's `static`, `dynamic` and `heads` parameters; 0 freezes.
            lr_schedule: their factor over progress.
            camera_schedule: azimuths over progress.
            lens: the other parameters of the cameras.
            static_loss: compares a render of the field with one of the mesh.
            views: cameras a step, of all ranks together.
        """
        super().__init__()
        self.reference, self.renderer, self.prompt = scene.reference, scene.renderer, scene.prompt
        self.name, self.seed, self.steps, self.views = name, seed, steps, views
        self.lr, self.lr_schedule = dict(lr), lr_schedule
        self.camera_schedule, self.lens, self.static_loss = camera_schedule, lens, static_loss

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to train; a phase that is not needed is left out of the run."""
        return True

    @property
    def schedule_progress(self) -> float:
        """Progress of the distillation's schedules in [0, 1); 1 in a phase without distillation."""
        return 1.0

    @property
    def progress(self) -> float:
        """Share of the phase that is done, in [0, 1)."""
        return self.global_step / self.steps

    def step_generator(self) -> torch.Generator:
        """The random generator of this step."""
        return generator_at(self.seed, self.global_step, self.name)

    def cameras(self, generator: torch.Generator) -> Cameras:
        """This rank's cameras of this step."""
        azimuths = self.camera_schedule(self.progress, self.views, generator)
        return self.lens(azimuths, generator).map_tensors(shard).to(self.device)

    def on_after_backward(self) -> None:
        """Average over ranks: losses are means over views, so that is the gradient of all views."""
        average_gradients(self.renderer.field.parameters())

    def train_dataloader(self) -> DataLoader:
        """Step numbers: a run has no dataset."""
        return DataLoader(cast(Dataset[int], range(self.steps)), batch_size=None)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam (the paper's field code: betas .9, .99, eps 1e-15) on the field's parameter groups."""
        groups = self.renderer.field.param_groups(**self.lr)
        trained = {id(p) for group in groups for p in group["params"]}
        for parameter in self.renderer.field.parameters():
            parameter.requires_grad_(id(parameter) in trained)
        optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.lr_schedule(step / self.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """That of the 4D model alone; the mesh and the prior come from the config."""
        return self.renderer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> None:
        """Load the 4D model."""
        fill(self.renderer, state_dict, f"the autosave of phase {self.name}")

    def log_step(self, **values: float | Tensor) -> None:
        """Log `values`, as means over ranks, and the range of azimuths."""
        values["azimuth_limit_deg"] = self.camera_schedule.limit_deg(self.progress)
        if rank_and_world_size()[1] > 1:
            numbers = torch.tensor([float(torch.as_tensor(value).detach()) for value in values.values()])
            values = dict(zip(values, all_reduce_mean(numbers), strict=True))
        self.log_dict({f"{self.name}/{key}": float(torch.as_tensor(value).detach()) for key, value in values.items()})


class StaticPhase(Phase):
    """Fit the field to the mesh at every time (Sec. 3.1, Eq. 1)."""

    cached = True

    @property
    def is_needed(self) -> bool:
        """Whether the renderer shows what is fitted here."""
        return self.renderer.needs_static_fit

    def training_step(self, *_: Any) -> Tensor:
        """The static loss at some cameras and one random time."""
        generator = self.step_generator()
        cameras, times = self.cameras(generator), torch.rand(1, generator=generator).to(self.device)
        loss = self.static_loss(self.renderer(cameras, times, generator=generator), self.reference(cameras, times))
        self.log_step(static=loss)
        return loss


class MotionPhase(Phase):
    """Distil the motion of the prompt, held to the mesh at t = 0 (Sec. 3.2 and 3.3, Eq. 3)."""

    cost, needs_prior = 6.0, True

    def __init__(
        self,
        distillation: Distillation,
        time_sampler: TimeSampler,
        mask: Mask,
        noise: Noise,
        static_weight: float,
        regularizer_weight: float,
        sds_weight: float = 1.0,
        flow_weight: float = 0.0,
        random_background: bool = False,
        schedule_range: tuple[float, float] = (0.0, 1.0),
        **phase: Any,
    ) -> None:
        """Keep the parts.

        Args:
            distillation: from clip and prior to a score, see `to4d.distillation`.
            time_sampler: times of the frames.
            mask: where the score counts.
            noise: what is added to the clip before it is denoised, see `to4d.noise`.
            static_weight: lambda of Eq. 3.
            regularizer_weight: of the field's own smoothness term (0 in the paper).
            sds_weight: of the SDS loss (1 in the paper); at 0 the clip is rendered without gradients: quicker.
            flow_weight: of the flow loss (see `to4d.flow_loss`; 0 in the paper).
            random_background: give the prior clip and mesh over one random colour a step; else over white. It keeps a
                field that can grow anywhere (hash4d) from painting with white fog.
            schedule_range: start and end of this phase in the distillation's schedules, in [0, 1].
            phase: the arguments of `Phase`.
        """
        super().__init__(**phase)
        self.prior: Prior = phase["scene"].prior
        check_frames(self.prior, time_sampler)
        check_abilities(self.prior, {"distillation": distillation, f"the mask of phase {self.name}": mask})
        self.distillation, self.time_sampler, self.mask, self.noise = distillation, time_sampler, mask, noise
        self.sds_weight, self.flow_weight, self.random_background = sds_weight, flow_weight, random_background
        self.static_weight, self.regularizer_weight = static_weight, regularizer_weight
        self.schedule_range = schedule_range
        flow_known = OPTICAL_FLOW in self.prior.abilities and isinstance(self.renderer.field, DeformableField)
        if flow_weight and not flow_known:
            raise self.no_flow()

    def train(self, mode: bool = True) -> Self:
        """Train the field; the prior stays in evaluation mode."""
        super().train(mode)
        self.prior.eval()
        return self

    def training_step(self, *_: Any) -> Tensor:
        """One clip per camera."""
        generator = self.step_generator()
        cameras, times = self.cameras(generator), self.time_sampler(generator).to(self.device)
        with torch.set_grad_enabled(self.sds_weight > 0):
            clip = self.renderer(cameras, times, normals=False, generator=generator)
        mesh = self.first_frame(clip, cameras, times)
        still = replace(mesh.at(0), relief=relief(mesh.at(0), cameras), azimuth_deg=azimuths_deg(cameras))
        shown, still = self.over_random_background(clip, still, generator)
        score = self.score(shown, still, cameras, times, generator)
        mask = self.mask(score)
        sds = sds_loss(score, mask)
        static = self.static_term(mesh, cameras, times, generator)
        smooth = self.renderer.field.regularizer()
        flow = self.flow_term(score, mask, clip, still, cameras, times)
        self.last_mask, self.last_clip = to_clip_frames(mask[:, 0].detach(), len(times)), clip.rgb.detach()
        self.log_step(sds=sds, flow=flow, static=static, regularizer=smooth, timestep=score.timestep, mask=mask.mean())
        loss = self.static_weight * static + self.regularizer_weight * smooth
        return loss + self.sds_weight * sds + self.flow_weight * flow

    def first_frame(self, clip: Render, cameras: Cameras, times: Tensor) -> Render:
        """(B, 1) the mesh at rest, as a clip (B, V) that begins at 0 shows it where the mesh itself is drawn."""
        if self.renderer.needs_static_fit or times[0] > 0:
            return self.reference(cameras, times[:1], normals=self.renderer.needs_static_fit)
        return Render(*(x[:, :1].detach() for x in (clip.rgb, clip.opacity, clip.depth)))

    def static_term(self, mesh: Render, cameras: Cameras, times: Tensor, generator: torch.Generator) -> Tensor:
        """The static loss of the first frame; 0 where the renderer draws the mesh itself, which is at rest then."""
        if not self.renderer.needs_static_fit:
            return torch.zeros((), device=self.device)
        return self.static_loss(self.renderer(cameras, times[:1], generator=generator), mesh)

    def over_random_background(self, clip: Render, still: Render, generator: torch.Generator) -> tuple[Render, Render]:
        """Clip and first frames over one random colour, if `random_background`."""
        if not self.random_background:
            return clip, still
        colour = torch.rand(3, generator=generator).to(self.device)
        return over_background(clip, colour), over_background(still, colour)

    def score(self, clip: Render, still: Render, cameras: Cameras, times: Tensor, generator: torch.Generator) -> Score:
        """The distillation's score of a clip (B, V) with first frames (B,)."""
        noise = partial(self.noise, cameras=cameras, times=times)
        score = self.distillation(self.prior, clip, still, self.prompt, self.schedule_progress, generator, noise)
        return replace(in_latent_frames(score), cameras=cameras)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the mask's state."""
        checkpoint["mask"] = self.mask.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the mask's state."""
        self.mask.load_state_dict(checkpoint["mask"])

    @property
    def schedule_progress(self) -> float:
        """Progress of the distillation's schedules, in [0, 1)."""
        first, last = self.schedule_range
        return first + (last - first) * self.progress

    def flow_term(
        self, score: Score, mask: Tensor, clip: Render, still: Render, cameras: Cameras, times: Tensor
    ) -> Tensor:
        """The flow loss of this rank; 0 where it has no weight.

        Raises:
            InputError: if the prior predicts no flow, or the 4D model is not deformable.
        """
        if not self.flow_weight:
            return torch.zeros((), device=self.device)
        field, forward, backward = self.renderer.field, score.forward_flow, score.backward_flow
        if forward is None or backward is None or not isinstance(field, DeformableField):
            raise self.no_flow()
        predicted = self.prior.decode(score.clean)
        surface = surface_correspondences(forward, mask, still, cameras, times)
        background = background_correspondences(predicted, backward, mask, clip, still, cameras, times)
        weights = torch.cat([surface.weights, background.weights])
        loss = flow_loss(field, surface, background, forwards=not self.renderer.needs_static_fit)
        return loss * rank_weight(weights)

    def no_flow(self) -> InputError:
        """The error of a flow weight without flow, or without a field that can follow it."""
        return InputError(
            f"phase.{self.name}.flow_weight={self.flow_weight} needs a prior that predicts flow (guidance=mini) "
            "and a deformable field (model=deform, nodes); set it to 0 otherwise"
        )


def over_background(render: Render, colour: Tensor) -> Render:
    """A render over white, composited over a plain colour (3,) instead."""
    return replace(render, rgb=render.rgb - (1.0 - render.opacity) * (1.0 - colour))
