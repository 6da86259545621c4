"""The track of a silhouette over time: position, size and axis, measured from opacity alone."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from to4d.types import check_shape

OUTLIERS = 0.005  # share of the area beyond each bound of the extent: 1% of the object does not count for its size


@dataclass(frozen=True)
class SilhouetteTrack:
    """The silhouette in each of V frames, in pixels: x to the right, y up from the lower image edge.

    The upper half and the lower quarter are those of the silhouette's own height in the same frame, so that an object
    which jumps or grows carries them along.
    """

    area: Tensor  # (V,)
    x: Tensor  # (V,) centroid
    y: Tensor  # (V,)
    left: Tensor  # (V,) bounds that leave `OUTLIERS` of the area outside on each side
    right: Tensor  # (V,)
    bottom: Tensor  # (V,)
    top: Tensor  # (V,)
    upper_x: Tensor  # (V,) centroid of the upper half
    lower_x: Tensor  # (V,) centroid of the lower quarter
    axis: Tensor  # (V, 2) (cos, sin) of twice the long axis' angle, times how long-drawn the shape is (0 round, 1 line)

    @property
    def height(self) -> Tensor:
        """(V,)."""
        return self.top - self.bottom

    @property
    def width(self) -> Tensor:
        """(V,)."""
        return self.right - self.left


def track_silhouette(opacity: Tensor) -> SilhouetteTrack:
    """Follow the silhouette of one view's clip (V, H, W), opacity in [0, 1].

    A pixel counts by its opacity if it is more than half opaque or touches one that is, so that antialiased edges keep
    their sub-pixel position and haze around the object counts as nothing. Frames without any silhouette give NaN.

    >>> clip = torch.zeros(1, 10, 10)
    >>> clip[:, 2:8, 4:6] = 1.0
    >>> track = track_silhouette(clip)
    >>> [round(value.item(), 2) for value in (track.area, track.x, track.y, track.height)]
    [12.0, 5.0, 5.0, 5.94]
    """
    check_shape("opacity clip", opacity, (None, None, None))
    solid = max_pool2d((opacity > 0.5).double(), 3, stride=1, padding=1)
    ink = (opacity.double().clamp(0.0, 1.0) * solid).flip(-2)  # row 0 is now the lowest
    columns, rows = ink.sum(-2), ink.sum(-1)
    x, y = _mean(columns), _mean(rows)
    left, right = _quantile(columns, OUTLIERS), _quantile(columns, 1.0 - OUTLIERS)
    bottom, top = _quantile(rows, OUTLIERS), _quantile(rows, 1.0 - OUTLIERS)
    upper = _between(ink, bottom + 0.5 * (top - bottom), top)
    lower = _between(ink, bottom, bottom + 0.25 * (top - bottom))
    area, axis = rows.sum(-1), _axis(ink, x, y)
    return SilhouetteTrack(area, x, y, left, right, bottom, top, _mean(upper), _mean(lower), axis)


def _mean(weights: Tensor) -> Tensor:
    """(V, n) weights of pixels -> (V,) their mean position; the centre of the first pixel is 0.5."""
    positions = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device) + 0.5
    return (weights * positions).sum(-1) / weights.sum(-1)


def _quantile(weights: Tensor, share: float) -> Tensor:
    """(V, n) weights of pixels -> (V,) the position with `share` of the weight before it, linear inside a pixel."""
    total = weights.sum(-1, keepdim=True)
    after = weights.cumsum(-1)
    target = share * total
    pixel = (after < target).sum(-1, keepdim=True).clamp(max=weights.shape[-1] - 1)
    inside = (target - (after - weights).gather(-1, pixel)) / weights.gather(-1, pixel)
    return (pixel + inside).squeeze(-1)


def _between(ink: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """(V, W) column sums of the rows between two heights (V,); rows on a bound count in proportion."""
    row = torch.arange(ink.shape[-2], dtype=ink.dtype, device=ink.device)
    share = torch.minimum(row + 1, high[:, None]) - torch.maximum(row, low[:, None])
    return torch.einsum("vh,vhw->vw", share.clamp(min=0.0), ink)


def _axis(ink: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(V, 2): second moments as a vector of double angle, ((xx - yy), 2 xy) / (xx + yy)."""
    height, width = ink.shape[-2:]
    dx = torch.arange(width, dtype=ink.dtype, device=ink.device) + 0.5 - x[:, None]
    dy = torch.arange(height, dtype=ink.dtype, device=ink.device) + 0.5 - y[:, None]
    xx, yy = (ink.sum(-2) * dx**2).sum(-1), (ink.sum(-1) * dy**2).sum(-1)
    xy = torch.einsum("vhw,vw,vh->v", ink, dx, dy)
    return torch.stack([xx - yy, 2.0 * xy], -1) / (xx + yy)[:, None]
