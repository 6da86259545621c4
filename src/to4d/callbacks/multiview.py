"""Show what the scene looks like while it is trained: videos, pictures and masks, as files and on the dashboard."""

from pathlib import Path
from typing import Any

import torch
import wandb
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from torch.nn.functional import interpolate

from to4d.export.panels import contact_sheet, mask, tiles, to_uint8
from to4d.export.writer import write_image, write_video
from to4d.viewpoints import Viewpoints, frame_times, look


class Multiview(Callback):
    """Every `every` steps and at the end of a phase: all views as one video, a contact sheet, and the last mask.

    Files go to `progress/<phase>-<step>...` below `out`, and from there to W&B, under `<phase>/views`,
    `<phase>/contact` and `<phase>/mask`. Looking changes nothing: no gradients, no random numbers.
    """

    def __init__(self, out: str, every: int, views: Viewpoints, frames: int = 8, fps: float = 8.0) -> None:
        """Keep the settings; a clip has `frames` evenly spaced times."""
        self.folder, self.every, self.views = Path(out) / "progress", every, views
        self.frames, self.fps = frames, fps
        self.shown = -1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Show, if it is time."""
        if trainer.global_step % self.every == 0:
            self.show(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the result."""
        if self.shown != trainer.global_step:
            self.show(trainer, pl_module)

    def show(self, trainer: Trainer, phase: LightningModule) -> None:
        """Render the fixed views, write the files and log them."""
        self.shown = step = trainer.global_step
        cameras = self.views.cameras()
        clips = look(phase.renderer, cameras, frame_times(self.frames)).rgb
        mesh = look(phase.reference, cameras, torch.zeros(1)).rgb[:, 0]
        name = self.folder / f"{phase.name}-{step:05d}"
        video = torch.stack([tiles(frame[None]) for frame in clips.unbind(1)])  # the views side by side
        media = {
            "views": wandb.Video(str(write_video(name.with_suffix(".mp4"), to_uint8(video), self.fps)), format="mp4"),
            "contact": wandb.Image(str(write_image(name.with_suffix(".png"), self.sheet(clips, mesh)))),
        }
        if getattr(phase, "last_mask", None) is not None:
            picture = mask_panel(phase.last_mask, getattr(phase, "last_clip", None))
            media["mask"] = wandb.Image(str(write_image(name.with_name(f"{name.name}-mask.png"), picture)))
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logged = {f"{phase.name}/{key}": item for key, item in media.items()}
                logger.experiment.log(logged | {"trainer/global_step": step})

    def sheet(self, clips: Tensor, mesh: Tensor) -> Tensor:
        """Views x frames beside the mesh, bytes."""
        return contact_sheet(clips, mesh, self.views.names)


def mask_panel(masks: Tensor, clip: Tensor | None, height: int = 64) -> Tensor:
    """Masks (B, V, h, w) as rows of frames, each row under its clip (B, V, H, W, 3) if there is one: bytes.

    >>> mask_panel(torch.zeros(1, 4, 16, 16), torch.ones(1, 4, 32, 32, 3)).shape
    torch.Size([128, 256, 3])
    """
    rows = _resized(mask(masks.detach().float().cpu()[..., None]), height)
    if clip is not None:
        rows = torch.stack([_resized(clip.detach().float().cpu(), height), rows], 1).flatten(0, 1)
    return to_uint8(tiles(rows))


def _resized(images: Tensor, height: int) -> Tensor:
    """Images (B, V, h, w, 3) at a common height, pixels as squares."""
    size = (height, round(height * images.shape[-2] / images.shape[-3]))
    flat = images.flatten(0, 1).movedim(-1, 1)
    return interpolate(flat, size, mode="nearest").movedim(1, -1).unflatten(0, images.shape[:2])
