"""Is it still the same object? Pictures against the mesh, and opacity where no object is."""

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, label
from torch import Tensor
from torch.nn.functional import conv2d

from to4d.types import check_shape


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
    """
    check_shape("image", image, (None, None, 3))
    x, y = torch.broadcast_tensors(image.double(), reference.double())
    shape, (height, width) = x.shape[:-3], x.shape[-3:-1]
    x, y = (z.movedim(-1, -3).reshape(-1, 1, height, width) for z in (x, y))
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y, cov = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2, _blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * cov + c2) / (var_x + var_y + c2)
    return (luminance * structure).reshape(*shape, -1).mean(-1)


def haze(opacity: Tensor, silhouette: Tensor, margin: float = 0.03) -> float:
    """Opacity outside the object as a share of the opacity inside, over one view's clip.

    The object is what hangs together with the mesh's silhouette through space and time (more than half opaque, in
    touch with it in the same or the next frame); its region is the union over the frames, widened by `margin`.
    Everything else is a floater or background haze. With an invisible object the answer is inf.

    Args:
        opacity: (V, H, W) of the clip.
        silhouette: (H, W) opacity of the mesh in the same view.
        margin: share of the image's height.
    """
    check_shape("opacity", opacity, (None, None, None))
    parts, _ = label((opacity > 0.5).numpy(), structure=np.ones((3, 3, 3)))
    touching = np.setdiff1d(parts[0][silhouette.numpy() > 0.5], [0])
    region = np.isin(parts, touching).any(0)
    if not region.any():
        return float("inf")
    region = torch.from_numpy(distance_transform_edt(~region) <= margin * opacity.shape[-2])
    return (opacity.double()[:, ~region].sum() / opacity.double()[:, region].sum()).item()


def _blur(x: Tensor) -> Tensor:
    """(n, 1, H, W) -> (n, 1, H - 10, W - 10)."""
    window = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=x.dtype, device=x.device) / 1.5) ** 2)
    window = window / window.sum()
    return conv2d(conv2d(x, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
