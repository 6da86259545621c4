"""Does the silhouette become larger, smaller, lower, longer? Shares are of frame 0, lengths of its height."""

import torch

from to4d.metrics.checks.check import QUIET, Check, came_back, correlation, turns
from to4d.metrics.checks.silhouette import SilhouetteTrack


def growing(track: SilhouetteTrack) -> Check:
    """The area in the last frame is at least 1.2 times that of frame 0, and never came back.

    It comes back if, once past 1.2 times, it loses half of its growth or more: breathing is not growing.
    """
    growth = track.area / track.area[0]
    back, value = came_back(growth - 1.0, 0.2 - 1e-12), growth[-1].item()
    text = f"the area ends at {value:.3f} times that of frame 0" + (", but came back in between" if back else "")
    return Check("growing", value >= 1.2 and not back, value, 1.2, text)


def shrinking(track: SilhouetteTrack) -> Check:
    """The area in the last frame is at most 0.8 times that of frame 0 and never came back; height and width lose 5%."""
    area, height, width = (size / size[0] for size in (track.area, track.height, track.width))
    back, value = came_back(1.0 - area, 0.2), area[-1].item()
    text = f"the area ends at {value:.3f} times that of frame 0, the height at {height[-1]:.3f}, the width at "
    text += f"{width[-1]:.3f}" + (", but came back in between" if back else "")
    smaller = max(height[-1].item(), width[-1].item()) <= 0.95
    return Check("shrinking", value <= 0.8 and smaller and not back, value, 0.8, text)


def melting(track: SilhouetteTrack) -> Check:
    """The height ends at 0.75 of frame 0 or less while the width is not smaller."""
    height, width = (
        (track.height[-1] / track.height[0]).item(),
        (track.width[-1] / track.width[0]).item(),
    )
    text = f"the height ends at {height:.3f} of that in frame 0, the width at {width:.3f}"
    return Check("melting", height <= 0.75 and width >= 1.0, height, 0.75, text)


def breathing(track: SilhouetteTrack) -> Check:
    """Area (by 8% or more) and width (by 4%) turn round at least twice; height and width are correlated by 0.8."""
    together = correlation(track.height, track.width)
    area, width = turns(track.area / track.area[0], 0.08), turns(track.width / track.width[0], 0.04)
    value = float(min(area, width))
    text = f"the area turns round {area} times, the width {width} times; height and width are {together:.2f} correlated"
    return Check("breathing", value >= 2 and together >= 0.8, value, 2.0, text)


def stretching(track: SilhouetteTrack) -> Check:
    """The height reaches 1.15 times that of frame 0 while the width is 0.97 times or less, and the base stays."""
    height, width = track.height / track.height[0], track.width / track.width[0]
    lift = (track.bottom - track.bottom[0]).abs() / track.height[0]
    value = torch.where((width <= 0.97) & (lift < QUIET * (height - 1.0)), height, 1.0).max().item()
    text = f"the height reaches {height.max():.3f} of that in frame 0, and {value:.3f} while narrower on its base"
    return Check("stretching", value >= 1.15, value, 1.15, text)
