"""Pieces that hang in the air: parts of the silhouette that are not connected with the object."""

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

from to4d.types import check_shape


def floaters(opacity: Tensor) -> Tensor:
    """Share of each silhouette (V, H, W) that does not hang together with its largest piece -> (V,); NaN if empty.

    A piece is what is more than half opaque and touches by a side or a corner. Only its own frame counts, so that what
    is torn off the object is a floater too (`haze` sees only what was never part of it).

    >>> clip = torch.zeros(1, 9, 9)
    >>> clip[:, :4, :6], clip[:, 6:8, 6:] = 1.0, 1.0
    >>> floaters(clip).item()  # 6 of 30 pixels
    0.2
    """
    check_shape("opacity", opacity, (None, None, None))
    return torch.tensor([_loose(frame) for frame in (opacity > 0.5).numpy()], dtype=torch.float64)


def _loose(solid: np.ndarray) -> float:
    """The same of one frame (H, W) of yes and no."""
    pieces, _ = label(solid, structure=np.ones((3, 3)))
    areas = np.bincount(pieces.flat)[1:]
    return float((areas.sum() - areas.max()) / areas.sum()) if len(areas) else float("nan")
