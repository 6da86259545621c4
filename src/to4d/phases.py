"""The training phases. Each owns its parts; only the scene outlives it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from to4d.disk.checkpoint import fill
from to4d.distributed import average_gradients, all_reduce_mean, shard, rank_and_world_size, rank_weight
from to4d.errors import InputError
from to4d.flow_loss import empty_matches, flow_loss, surface_matches, together
from to4d.geometry import azimuths_deg, relief
from to4d.guidance_query import check_abilities, check_frames
from to4d.latent_frames import in_latent_frames, to_clip_frames
from to4d.losses import sds_loss
from to4d.types import Cameras, Render, Scene, Score, generator_at


class Phase(LightningModule):
    """What all phases share: cameras, chance and learning rates as functions of the step, a light checkpoint."""

    cost = 1.0  # of a step, relative to the other phases: for the estimate of what is left
    cached = False  # whether the result depends on nothing but the mesh and the configuration
    needs_prior = False

    def __init__(
        self,
        name: str,
        scene: Scene,
        seed: int,
        steps: int,
        lr: Mapping[str, float],
        lr_schedule: Callable[[float], float],
        camera_schedule: Callable,
        lens: Callable,
        static_loss: Callable[[Render, Render], Tensor],
        views: int = 1,
    ) -> None:
        """Join the parts.

        Args:
            name: of the phase; its log keys start with it and its random numbers depend on it.
            scene: what to train and to look at.
            seed: of the run.
            steps: how long.
            lr: peak learning rates of the field's `static`, `dynamic` and `heads` parameters; 0 freezes.
            lr_schedule: their factor over progress.
            camera_schedule: azimuths over progress.
            lens: the rest of the camera.
            static_loss: compares a render of the field with one of the mesh.
            views: cameras a step, of all devices together.
        """
        super().__init__()
        self.reference, self.renderer, self.prompt = scene.reference, scene.renderer, scene.prompt
        self.name, self.seed, self.steps, self.views = name, seed, steps, views
        self.lr, self.lr_schedule = dict(lr), lr_schedule
        self.camera_schedule, self.lens, self.static_loss = camera_schedule, lens, static_loss

    @property
    def progress(self) -> float:
        """Share of the phase that is done, in [0, 1)."""
        return self.global_step / self.steps

    def random(self) -> torch.Generator:
        """The random numbers of this step."""
        return generator_at(self.seed, self.global_step, self.name)

    def cameras(self, random: torch.Generator) -> Cameras:
        """This process' cameras of this step."""
        azimuths = self.camera_schedule(self.progress, self.views, random)
        return self.lens(azimuths, random).each(shard).to(self.device)

    def on_after_backward(self) -> None:
        """Losses are means over views, so the mean over devices is the gradient of all views."""
        average_gradients(self.renderer.field.parameters())

    def train_dataloader(self) -> DataLoader:
        """A run has no dataset: its batches are only counted."""
        return DataLoader(range(self.steps), batch_size=None)

    def configure_optimizers(self) -> dict[str, Any]:
        """Adam (the paper's field code: betas .9, .99, eps 1e-15) on the field's parameter groups."""
        groups = self.renderer.field.param_groups(**self.lr)
        trained = {id(p) for group in groups for p in group["params"]}
        for parameter in self.renderer.field.parameters():
            parameter.requires_grad_(id(parameter) in trained)
        optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.lr_schedule(step / self.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """The 4D model alone; the mesh and the prior come from the config."""
        return self.renderer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> None:
        """Put a 4D model back."""
        fill(self.renderer, state_dict, f"the autosave of phase {self.name}")

    def log_step(self, **values: float | Tensor) -> None:
        """Log `values`, as means over devices, and how wide the cameras look."""
        values["azimuth_limit_deg"] = self.camera_schedule.limit_deg(self.progress)
        if rank_and_world_size()[1] > 1:
            numbers = torch.tensor([float(torch.as_tensor(value).detach()) for value in values.values()])
            values = dict(zip(values, all_reduce_mean(numbers), strict=True))
        self.log_dict({f"{self.name}/{key}": float(torch.as_tensor(value).detach()) for key, value in values.items()})


class Static(Phase):
    """Make the field look like the mesh at every time (Sec. 3.1, Eq. 1)."""

    cached = True

    def training_step(self, *_: Any) -> Tensor:
        """Some cameras, one random time."""
        random = self.random()
        cameras, times = self.cameras(random), torch.rand(1, generator=random).to(self.device)
        loss = self.static_loss(self.renderer(cameras, times, generator=random), self.reference(cameras, times))
        self.log_step(static=loss)
        return loss


class Motion(Phase):
    """Move the field as the prompt asks, held to the mesh at t = 0 (Sec. 3.2 and 3.3, Eq. 3)."""

    cost, needs_prior = 6.0, True

    def __init__(
        self,
        distillation: Callable,
        time_sampler: Callable,
        mask: Callable,
        noise: Callable,
        static_weight: float,
        regularizer_weight: float,
        sds_weight: float = 1.0,
        flow_weight: float = 0.0,
        random_background: bool = False,
        span: tuple[float, float] = (0.0, 1.0),
        **phase: Any,
    ) -> None:
        """Join the parts.

        Args:
            distillation: how the clip learns from it.
            time_sampler: times of the frames.
            mask: where the score counts.
            noise: what is put on the clip before it is denoised.
            static_weight: lambda of Eq. 3.
            regularizer_weight: of the field's own smoothness term (0 in the paper).
            sds_weight: of the prior's term (1 in the paper); at 0 the clip is drawn without gradients: quicker.
            flow_weight: of the prior's flow, lifted to 3D (see `to4d.flow_loss`; 0 in the paper).
            random_background: show the prior clip and mesh over one random plain colour a step; else over white. It
                keeps a field that can grow anywhere (hash4d) from painting with white fog.
            span: the part of the distillation's own schedules that this phase runs through.
            phase: what every phase takes.
        """
        super().__init__(**phase)
        self.prior = phase["scene"].prior
        check_frames(self.prior, time_sampler)
        check_abilities(self.prior, {"distillation": distillation, f"the mask of phase {self.name}": mask})
        self.distillation, self.time_sampler, self.mask, self.noise = distillation, time_sampler, mask, noise
        self.sds_weight, self.flow_weight, self.random_background = sds_weight, flow_weight, random_background
        self.static_weight, self.regularizer_weight, self.span = static_weight, regularizer_weight, span
        self.last_mask: Tensor | None = None  # (B, V, h, w), for the log
        self.last_clip: Tensor | None = None  # (B, V, H, W, 3), for the log

    def train(self, mode: bool = True) -> nn.Module:
        """Train the field; the prior stays in evaluation mode."""
        super().train(mode)
        self.prior.eval()
        return self

    def training_step(self, *_: Any) -> Tensor:
        """One clip per camera."""
        random = self.random()
        cameras, times = self.cameras(random), self.time_sampler(random).to(self.device)
        with torch.set_grad_enabled(self.sds_weight > 0):
            clip = self.renderer(cameras, times, normals=False, generator=random)
        mesh = self.reference(cameras, times[:1])
        shown, still = clip, mesh.at(0)
        still = replace(still, relief=relief(still, cameras), azimuth_deg=azimuths_deg(cameras))
        if self.random_background:
            colour = torch.rand(3, generator=random).to(self.device)
            shown, still = over(clip, colour), over(still, colour)
        noise = partial(self.noise, cameras=cameras, times=times)
        score = self.distillation(self.prior, shown, still, self.prompt, self.distilled, random, noise)
        score = in_latent_frames(score)
        mask = self.mask(replace(score, cameras=cameras))
        sds = sds_loss(score, mask)
        static = self.static_loss(self.renderer(cameras, times[:1], generator=random), mesh)
        smooth = self.renderer.field.regularizer()
        flow = self.lifted_flow(score, mask, clip, still, cameras, times)
        self.last_mask, self.last_clip = to_clip_frames(mask[:, 0].detach(), len(times)), clip.rgb.detach()
        self.log_step(sds=sds, flow=flow, static=static, regularizer=smooth, timestep=score.timestep, mask=mask.mean())
        loss = self.static_weight * static + self.regularizer_weight * smooth
        return loss + self.sds_weight * sds + self.flow_weight * flow

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the mask remembers."""
        checkpoint["mask"] = getattr(self.mask, "memory", {})

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let the mask remember again."""
        if checkpoint["mask"]:
            self.mask.memory = checkpoint["mask"]

    @property
    def distilled(self) -> float:
        """How far the distillation's schedules are, in [0, 1)."""
        first, last = self.span
        return first + (last - first) * self.progress

    def lifted_flow(
        self, score: Score, mask: Tensor, clip: Render, still: Render, cameras: Cameras, times: Tensor
    ) -> Tensor:
        """The flow loss; 0 where it has no weight.

        Raises:
            InputError: if the prior tells no flow, or the 4D model has no motion to follow it.
        """
        if not self.flow_weight:
            return torch.zeros((), device=self.device)
        if score.forward is None or not hasattr(self.renderer.field, "displacement"):
            raise InputError(
                f"phase.{self.name}.flow_weight={self.flow_weight} needs a prior that tells flow (guidance=mini) and a "
                "model that moves a static field (model=deform, nodes); set it to 0 otherwise"
            )
        imagined = self.prior.decode(score.clean)
        moved = surface_matches(score.forward, mask, still, cameras, times)
        matches = together(moved, empty_matches(imagined, score.flow, mask, clip, still, cameras, times))
        return flow_loss(self.renderer.field, matches) * rank_weight(matches.weights)


def over(render: Render, colour: Tensor) -> Render:
    """A render over white, put over a plain colour (3,)."""
    return replace(render, rgb=render.rgb - (1.0 - render.opacity) * (1.0 - colour))
