"""Show the scene during training: videos, images and masks, as files and on the dashboard."""

from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from torch import Tensor
from torch.nn.functional import interpolate

from to4d.callbacks.dashboard import show_files
from to4d.callbacks.phase_callback import PhaseCallback, phase_of
from to4d.export.panels import contact_sheet, mask, tiles, to_uint8
from to4d.export.writer import write_image, write_video
from to4d.phases import Phase
from to4d.viewpoints import Viewpoints, frame_times, render_views


class Multiview(PhaseCallback):
    """Every `every` steps and at the end of a phase: all views as one video, a contact sheet, and the last mask.

    Files go to `progress/<phase>-<step>...` below `out`, and from there to W&B, under `<phase>/views`,
    `<phase>/contact` and `<phase>/mask`. Training is not affected: no gradients, no random numbers.
    """

    def __init__(self, out: str, every: int, views: Viewpoints, frames: int = 8, fps: float = 8.0) -> None:
        """Keep the settings; a clip has `frames` evenly spaced times."""
        self.folder, self.every, self.views = Path(out) / "progress", every, views
        self.frames, self.fps = frames, fps
        self.shown = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show, if it is time."""
        if trainer.global_step % self.every == 0:
            self.show(trainer, phase_of(pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the result."""
        if self.shown != trainer.global_step:
            self.show(trainer, phase_of(pl_module))

    def show(self, trainer: Trainer, phase: Phase) -> None:
        """Render the fixed views, write the files and log them."""
        self.shown = step = trainer.global_step
        cameras, name = self.views.cameras(), f"{phase.name}-{step:05d}"
        clips = render_views(phase.renderer, cameras, frame_times(self.frames)).rgb
        mesh = render_views(phase.reference, cameras, torch.zeros(1)).rgb[:, 0]
        side_by_side = torch.stack([tiles(frame[None]) for frame in clips.unbind(1)])
        sheet = contact_sheet(clips, mesh, self.views.labels)
        files = {
            f"{phase.name}/views": write_video(self.folder / f"{name}.mp4", to_uint8(side_by_side), self.fps),
            f"{phase.name}/contact": write_image(self.folder / f"{name}.png", sheet),
        }
        if phase.last_mask is not None:
            panel = mask_panel(phase.last_mask, phase.last_clip)
            files[f"{phase.name}/mask"] = write_image(self.folder / f"{name}-mask.png", panel)
        show_files(trainer, files)


def mask_panel(masks: Tensor, clip: Tensor | None, height: int = 64) -> Tensor:
    """Masks (B, V, h, w) as rows of frames, each row under its clip (B, V, H, W, 3) if there is one: bytes.

    >>> mask_panel(torch.zeros(1, 4, 16, 16), torch.ones(1, 4, 32, 32, 3)).shape
    torch.Size([128, 256, 3])
    """
    shape = (masks if clip is None else clip[..., 0]).shape[-2:]
    size = (height, round(height * shape[1] / shape[0]))
    rows = _resized(mask(masks.detach().float().cpu()[..., None]), size)
    if clip is not None:
        rows = torch.stack([_resized(clip.detach().float().cpu(), size), rows], 1).flatten(0, 1)
    return to_uint8(tiles(rows))


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Images (B, V, h, w, 3) at a common size (H, W)."""
    flat = images.flatten(0, 1).movedim(-1, 1)
    return interpolate(flat, size, mode="nearest").movedim(1, -1).unflatten(0, images.shape[:2])
