"""The figures that a table can show: what they are called, which way is better, in which unit."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """A figure of a table; its name is that of `eval/<name>`."""

    name: str
    label: str
    better: Literal["high", "low"] | None  # None: no end is better
    scale: float = 1.0
    unit: str = ""

    @property
    def head(self) -> str:
        """The label with unit and direction.

        >>> Column("haze", "Haze", "low", 100, "%").head
        'Haze, % ↓'
        """
        arrow = {"high": " ↑", "low": " ↓", None: ""}[self.better]
        return f"{self.label}{', ' if self.unit else ''}{self.unit}{arrow}"


COLUMNS = {
    column.name: column
    for column in (
        Column("lpips", "LPIPS", "low", 100),  # the paper's eight, all times 100
        Column("clip_i", "CLIP-I", "high", 100),
        Column("style", "Style", "high", 100),
        Column("clip_t", "CLIP-T", "high", 100),
        Column("smoothness", "Smoothness", "high", 100),
        Column("lpips_f", "LPIPS-F", "low", 100),
        Column("clip_f", "CLIP-F", "high", 100),
        Column("dynamic_degree_raft", "Dynamic degree", "high", 100),
        Column("motion_passed", "Prompt's motion", "high", 100, "%"),
        Column("motion_views", "in views of four", "high"),
        Column("judged", "Judged", "high", 100, "%"),
        Column("flow", "Flow", None, 1, "px"),
        Column("flow_top5", "Fastest 5%", None, 1, "px"),
        Column("dynamic_degree", "Dynamic (DIS)", None, 100, "%"),
        Column("silhouette_change", "Outline change", None, 100, "%"),
        Column("psnr_t0", "PSNR t=0", "high", 1, "dB"),
        Column("ssim_t0", "SSIM t=0", "high", 100),
        Column("psnr", "PSNR", None, 1, "dB"),
        Column("ssim", "SSIM", None, 100),
        Column("ms_ssim", "MS-SSIM", None, 100),
        Column("silhouette_iou", "Outline IoU", None, 100),
        Column("haze", "Haze", "low", 100, "%"),
        Column("floaters", "Floaters", "low", 100, "%"),
        Column("stretch", "Stretch", None, 100, "%"),
        Column("acceleration", "Jerkiness", "low", 100),
        Column("warp_error", "Warp error", "low", 100),
        Column("flicker", "Flicker", None, 100),
        Column("view_color", "View colour", "low", 100),
        Column("view_gap", "View gap", "low", 1000, "/1000"),
        Column("view_holes", "View holes", "low", 100, "%"),
        Column("real_ssim", "SSIM to real clip", "high", 100),
        Column("real_silhouette_iou", "IoU to real clip", "high", 100),
    )
}
