"""How much it moves and how smoothly, whatever the motion. Lengths are in pixels of an image of 256 pixels height."""

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from to4d.types import check_shape


def optical_flow(frames: Tensor) -> Tensor:
    """Dense inverse search flow (Kroeger et al. 2016, OpenCV's medium preset) from each frame to the next.

    Args:
        frames: (V, H, W, 3) in [0, 1], at least 32 pixels a side.

    Returns:
        (V - 1, H, W, 2) in pixels, (right, down): frame i at p looks like frame i + 1 at p + flow.

    >>> optical_flow(torch.rand(1, 32, 32, 3).repeat(2, 1, 1, 1)).norm(dim=-1).max().item() < 0.01
    True
    """
    check_shape("frames", frames, (None, None, None, 3))
    grey = (frames @ frames.new_tensor([0.299, 0.587, 0.114]) * 255.0).round().to(torch.uint8).numpy()
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = [search.calc(now, later, None) for now, later in zip(grey[:-1], grey[1:], strict=True)]
    return torch.from_numpy(np.stack(flows))


def flow_magnitude(flow: Tensor, opacity: Tensor) -> float:
    """Mean length of the flow (V - 1, H, W, 2) over the object, opacity (V, H, W) of the frames it starts from.

    >>> flow_magnitude(torch.ones(1, 128, 128, 2), torch.ones(2, 128, 128))  # doctest: +ELLIPSIS
    2.828...
    """
    weight = opacity[:-1].double()
    return (_at_256(flow) * weight).sum().div(weight.sum().clamp(min=1e-9)).item()


def flow_top5(flow: Tensor) -> Tensor:
    """(V - 1, H, W, 2) -> (V - 1,) the mean length of each frame's longest 5%, which is how VBench measures motion.

    >>> flow = torch.zeros(1, 256, 256, 2)
    >>> flow[0, :13, :, 0] = 7.0  # a little more than 5%
    >>> flow_top5(flow).tolist()
    [7.0]
    """
    lengths = _at_256(flow).flatten(1)
    return lengths.topk(max(1, int(0.05 * lengths.shape[1])), dim=1).values.mean(1)


def is_dynamic(flow: Tensor) -> bool:
    """VBench's yes or no (dynamic_degree.py): at least round(4 V / 16) pairs whose top 5% exceed 6 px at 256 px.

    VBench computes flow by RAFT, of clips at 8 fps; here it is dense inverse search, so figures are not comparable.

    >>> fast = torch.tensor([0.0] * 11 + [3.1] * 4)[:, None, None, None].expand(15, 128, 128, 2)
    >>> is_dynamic(fast / 2**0.5), is_dynamic(fast[:-1] / 2**0.5)
    (True, False)
    """
    return int((flow_top5(flow) > 6.0).sum()) >= round(4 * (len(flow) + 1) / 16)


def silhouette_change(opacity: Tensor) -> float:
    """Mean over frames of the area that changed against frame 0, as a share of the object: |o_i - o_0| / o_0.

    >>> clip = torch.zeros(3, 4, 4)
    >>> clip[:, 0, :2] = 1.0
    >>> clip[1, 0] = torch.tensor([0.0, 1.0, 1.0, 0.0])
    >>> silhouette_change(clip)
    0.5
    """
    rest = opacity[0].double()
    return ((opacity[1:] - rest).abs().sum((-2, -1)).mean() / rest.sum().clamp(min=1e-9)).item()


def acceleration(opacity: Tensor) -> float:
    """Roughness of the silhouette in time: mean |o_(i-1) - 2 o_i + o_(i+1)|, as a share of the object's area.

    A resting clip has 0; a smooth motion a little; a flickering one up to 4.

    >>> acceleration(torch.tensor([1.0, 0.0, 1.0, 0.0]).view(4, 1, 1).expand(4, 2, 2))
    4.0
    """
    clip = opacity.double()
    second = (clip[:-2] - 2.0 * clip[1:-1] + clip[2:]).abs()
    return (second.sum((-2, -1)).mean() / clip.sum((-2, -1)).mean().clamp(min=1e-9)).item()


def flicker(frames: Tensor) -> float:
    """Mean absolute difference of consecutive frames (V, H, W, 3) in [0, 1]; VBench's temporal flickering is 1 - this.

    >>> flicker(torch.tensor([0.0, 0.5, 0.0]).view(3, 1, 1, 1).expand(3, 2, 2, 3))
    0.5
    """
    return frames.double().diff(dim=0).abs().mean().item()


def warp_error(frames: Tensor, flow: Tensor, opacity: Tensor) -> float:
    """Mean absolute difference between a frame and the next one fetched along the flow, over the object.

    Small where motion explains the change, large where colours flicker or parts appear. Shapes (V, H, W, 3),
    (V - 1, H, W, 2) and (V, H, W).

    >>> brighter = torch.tensor([0.25, 0.5, 0.75]).view(3, 1, 1, 1).expand(3, 32, 32, 3)
    >>> warp_error(brighter, torch.zeros(2, 32, 32, 2), torch.ones(3, 32, 32))
    0.25
    """
    height, width = flow.shape[1:3]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    fetched = [
        cv2.remap(later, x + step[..., 0], y + step[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for later, step in zip(frames[1:].float().numpy(), flow.numpy(), strict=True)
    ]
    error = (torch.from_numpy(np.stack(fetched)) - frames[:-1]).abs().mean(-1)
    weight = opacity[:-1]
    return ((error * weight).sum() / weight.sum().clamp(min=1e-9)).item()


def _at_256(flow: Tensor) -> Tensor:
    """Lengths (V - 1, H, W) of the flow, as if the shorter side had 256 pixels."""
    return flow.double().norm(dim=-1) * 256.0 / min(flow.shape[1:3])
