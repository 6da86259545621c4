"""Is it still the same object? Pictures against the mesh, and opacity where no object is."""

import math

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, label
from torch import Tensor
from torch.nn.functional import avg_pool2d

from to4d.types import check_shape

WINDOW = 11  # pixels a side
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents from fine to coarse (Wang et al. 2003)


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of images (..., H, W, 3) in [0, 1] -> (...) in dB, -10 log10(MSE); inf if equal.

    >>> psnr(torch.full((4, 4, 3), 0.5), torch.full((4, 4, 3), 0.4)).item()  # doctest: +ELLIPSIS
    20.0...
    """
    return -10.0 * ((image.double() - reference.double()) ** 2).mean((-3, -2, -1)).log10()


def ssim(image: Tensor, reference: Tensor) -> Tensor:
    """Structural similarity of images (..., H, W, 3) in [0, 1] -> (...), 1 if equal; at least 11 pixels a side.

    Wang et al. 2004: Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01, K2 = 0.03, mean over the windows that lie
    inside the image and over channels.

    >>> round(ssim(torch.full((11, 11, 3), 0.5), torch.full((11, 11, 3), 0.3)).item(), 4)  # 0.3001 / 0.3401
    0.8824
    """
    shape, x, y = _planes(image, reference)
    luminance, structure = _likeness(x, y)
    return (luminance * structure).reshape(*shape, -1).mean(-1)


def ms_ssim(image: Tensor, reference: Tensor) -> Tensor:
    """Structural similarity over several scales of images (..., H, W, 3) in [0, 1] -> (...), in [0, 1], 1 if equal.

    Wang et al. 2003: contrast and structure at every scale, luminance at the coarsest, as powers; each scale has half
    the size of the one before. Smaller images have fewer than five scales, their exponents scaled to the sum of 1.

    >>> round(ms_ssim(torch.full((176, 176, 3), 0.5), torch.full((176, 176, 3), 0.3)).item(), 4)  # ssim ** 0.1333
    0.9835
    """
    shape, x, y = _planes(image, reference)
    count = min(len(SCALES), 1 + int(math.log2(min(x.shape[-2:]) / WINDOW)))
    value = x.new_ones(shape)
    for scale, exponent in enumerate(SCALES[:count], start=1):
        luminance, structure = _likeness(x, y)
        part = luminance * structure if scale == count else structure
        value = value * part.reshape(*shape, -1).mean(-1).clamp(min=0.0) ** (exponent / sum(SCALES[:count]))
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return value


def silhouette_iou(opacity: Tensor, silhouette: Tensor) -> Tensor:
    """Area that two silhouettes (..., H, W) share, by the area that either covers -> (...), 1 if equal; NaN if empty.

    Opacity in [0, 1] counts in proportion: the sum of the smaller values by the sum of the larger ones.

    >>> silhouette_iou(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.5]])).item()
    0.4
    """
    a, b = opacity.double(), silhouette.double()
    return torch.minimum(a, b).sum((-2, -1)) / torch.maximum(a, b).sum((-2, -1))


def haze(opacity: Tensor, silhouette: Tensor, margin: float = 0.03) -> float:
    """Opacity outside the object as a share of the opacity inside, over one view's clip.

    The object is what hangs together with the mesh's silhouette through space and time (more than half opaque, in
    touch with it in the same or the next frame); its region is the union over the frames, widened by `margin`.
    Everything else is a floater or background haze. With an invisible object the answer is inf.

    Args:
        opacity: (V, H, W) of the clip.
        silhouette: (H, W) opacity of the mesh in the same view.
        margin: share of the image's height.

    >>> mesh, clip = torch.zeros(9, 9), torch.zeros(1, 9, 9)
    >>> mesh[:4, :5], clip[:, :4, :5], clip[:, 8, 8] = 1.0, 1.0, 1.0
    >>> haze(clip, mesh)
    0.05
    """
    check_shape("opacity", opacity, (None, None, None))
    parts, _ = label((opacity > 0.5).numpy(), structure=np.ones((3, 3, 3)))
    touching = np.setdiff1d(parts[0][silhouette.numpy() > 0.5], [0])
    region = np.isin(parts, touching).any(0)
    if not region.any():
        return float("inf")
    region = torch.from_numpy(distance_transform_edt(~region) <= margin * opacity.shape[-2])
    return (opacity.double()[:, ~region].sum() / opacity.double()[:, region].sum()).item()


def _planes(image: Tensor, reference: Tensor) -> tuple[torch.Size, Tensor, Tensor]:
    """Two images (..., H, W, 3) -> their leading shape, and both as planes (n, 1, H, W)."""
    check_shape("image", image, (None, None, 3))
    pair = torch.broadcast_tensors(image.double(), reference.double())
    *shape, height, width, _ = pair[0].shape
    x, y = (z.movedim(-1, -3).reshape(-1, 1, height, width) for z in pair)
    return torch.Size(shape), x, y


def _likeness(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, of each window: (n, 1, H, W) -> (n, 1, H - 10, W - 10)."""
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y, cov = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2, _blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1), (2 * cov + c2) / (var_x + var_y + c2)


def _blur(x: Tensor) -> Tensor:
    """(n, 1, H, W) -> (n, 1, H - 10, W - 10); as products with matrices, which is many times quicker than conv2d."""
    return _windows(x.shape[-2]).to(x) @ x @ _windows(x.shape[-1]).to(x).T


def _windows(size: int) -> Tensor:
    """(size - 10, size) the Gaussian window at every place where it fits, each row of sum 1."""
    offset = torch.arange(size, dtype=torch.float64) - torch.arange(size - WINDOW + 1)[:, None] - WINDOW // 2
    rows = torch.exp(-0.5 * (offset / 1.5) ** 2) * (offset.abs() <= WINDOW // 2)
    return rows / rows.sum(1, keepdim=True)
