"""Stage 2: the loss of the whole denoiser on noised clips."""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from torch.nn.functional import binary_cross_entropy, grid_sample, max_pool2d

from to4d.geometry import image_grid
from to4d.guidance.mini.codec import CHANNELS
from to4d.guidance.mini.flow import GRID
from to4d.guidance.mini.net import MiniNet, Prediction
from to4d_lab.mini.batches import Batch, drop_azimuths, trim_padding
from to4d_lab.mini.compute import products
from to4d_lab.mini.stage_head import flow_loss, forward_loss

MAX_WEIGHT = 5.0  # of the velocity loss 1 / s^2 at low noise
BESIDE = 3.0  # weight of empty places that would show the object, beside the flow loss


@dataclass(frozen=True)
class NoisedBatch:
    """All that is random in a step: B clips, some without their prompt or the camera's azimuth, and their noise."""

    batch: Batch
    alpha_bar: Tensor  # (B,) signal shares
    has_image: Tensor  # (B,) bool, whether the denoiser is shown the first frame
    noise: Tensor  # (B, V, C, 16, 16)


def noise_batch(batch: Batch, alpha_bar: Tensor, rng: Generator) -> NoisedBatch:
    """A step on a batch, all on the CPU; prompt, first frame or azimuth are dropped at times."""
    count = len(batch.frames)
    has_image = torch.rand(count, generator=rng) > 0.05
    tokens = trim_padding(batch.tokens.dropped(torch.rand(count, generator=rng) < 0.12))
    batch = replace(batch, tokens=tokens, azimuth_deg=drop_azimuths(batch.azimuth_deg, rng))
    noise = torch.randn(*batch.frames.shape[:2], CHANNELS, GRID, GRID, generator=rng)
    return NoisedBatch(batch, alpha_bar, has_image, noise)


def noised(latents: Tensor, alpha_bar: Tensor, noise: Tensor) -> Tensor:
    """z_t of clean latents (B, ...) at signal shares (B,)."""
    shape = (-1,) + (1,) * (latents.dim() - 1)
    return alpha_bar.sqrt().view(shape) * latents + (1.0 - alpha_bar).sqrt().view(shape) * noise


def attention_loss(prediction: Prediction, opacity: Tensor, noun: Tensor) -> Tensor:
    """Cross entropy between the attention to the noun and the object, over the clips whose prompt has one."""
    named = noun.any(1)
    if not named.any():
        return prediction.attention.sum() * 0.0
    share = prediction.attention[named].float().clamp(1e-4, 1.0 - 1e-4)
    return binary_cross_entropy(share, opacity[named].clamp(0, 1))


def depth_inside(mask: Tensor) -> Tensor:
    """How far into a mask (B, S, S) of ones and zeros each pixel lies, by king's moves, in image units."""
    left, depth = mask[:, None], torch.zeros_like(mask[:, None])
    while left.any():
        depth, left = depth + left, -max_pool2d(-left, 3, stride=1, padding=1)
    return depth[:, 0] * (2.0 / mask.shape[-1])


def background_loss(flow: Tensor, opacity: Tensor, inside: Tensor) -> Tensor:
    """How deep in the first frame's object the sources of empty places lie, summed as in `flow_loss`: (B,).

    What is smooth on the object goes on beside it: of a turn, places there would show the middle of the object.

    Args:
        flow: (B, V, 2, h, w).
        opacity: (B, V, h, w) of the frames.
        inside: (B, S, S), the first frame's object.
    """
    source = image_grid(flow.shape[-1]).to(flow.device) + flow.movedim(2, -1)
    depth = grid_sample(depth_inside(inside)[:, None], source.flatten(1, 2), mode="bilinear", align_corners=False)
    wrong = depth.view_as(opacity) * (opacity < 0.02)
    return wrong[:, 1:].sum((1, 2, 3)) / (opacity > 0.3).float()[:, 1:].sum((1, 2, 3)).clamp_min(1.0)


def joint_loss(
    net: MiniNet, drawn: NoisedBatch, attention_weight: float, precision: str = "float32"
) -> tuple[Tensor, dict[str, float]]:
    """Velocity-weighted error of the clean latents, flow errors, attention.

    Args:
        net: on any device.
        drawn: what is random in this step, on the net's device.
        attention_weight: of the attention's cross entropy.
        precision: as in `products`.
    """
    batch, tokens, has_image, alpha_bar = drawn.batch, drawn.batch.tokens, drawn.has_image, drawn.alpha_bar
    with torch.no_grad():
        first = net.first_frame(batch.first, batch.relief, has_image, batch.azimuth_deg)
        clean = net.codec.encode(batch.frames)
        noisy = noised(clean, alpha_bar, drawn.noise)
    with products(precision, clean.device):
        prediction = net(noisy, alpha_bar, first, net.encode_words(tokens), batch.stride)
    error = (prediction.clean - clean).square().mean((1, 2, 3, 4))
    denoising = (error * (1.0 / (1.0 - alpha_bar)).clamp(max=MAX_WEIGHT)).mean()
    head = flow_loss(prediction.head_flow, batch.flow, batch.opacity)
    forward = forward_loss(prediction.forward, batch.forward, batch.opacity)
    full = flow_loss(prediction.flow, batch.flow, batch.opacity)
    beside = background_loss(prediction.flow[:, :, :2], batch.opacity, first.outline.inside)
    attention = attention_loss(prediction, batch.opacity, tokens.noun)
    flows = head + forward + (full + BESIDE * beside) * has_image
    loss = denoising + 2.0 * flows.mean() + attention_weight * attention
    parts = {
        "clean": error.mean(),
        "weighted": denoising,
        "head": head.mean(),
        "forward": forward.mean(),
        "flow": full.mean(),
    }
    parts |= {"beside": beside.mean(), "noun": attention}
    values = torch.stack([part.detach().float() for part in parts.values()]).tolist()  # one wait for the device
    return loss, dict(zip(parts, values, strict=True))
