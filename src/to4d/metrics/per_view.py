"""The figures of a run by name, from its clips, the mesh and the tracks; what they mean stands in docs/metrics.md."""

from collections.abc import Callable

from torch import Tensor

from to4d.metrics import motion_amount as motion
from to4d.metrics.consistency import view_agreement
from to4d.metrics.floaters import floaters
from to4d.metrics.identity import haze, ms_ssim, psnr, silhouette_iou, ssim
from to4d.metrics.rigidity import local_stretch, mean_of_largest
from to4d.types import Cameras, Render

BEST_PSNR = 100.0  # dB, of equal pictures, whose own is infinite


def per_view(names: list[str], measure: Callable[[int], dict[str, float]]) -> dict[str, float]:
    """Every view's figures, and their means."""
    rows = [measure(b) for b in range(len(names))]
    own = {f"{key}/{name}": row[key] for row, name in zip(rows, names, strict=True) for key in row}
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} | own


def identity_figures(clips: Render, mesh: Render, b: int) -> dict[str, float]:
    """View b's frames (B, V, ...) against the mesh (B, 1, ...): means over frames, and frame 0 alone."""
    clip, still = clips.rgb[b], mesh.rgb[b]
    measures = {
        "psnr": psnr(clip, still).clamp(max=BEST_PSNR),
        "ssim": ssim(clip, still),
        "ms_ssim": ms_ssim(clip, still),
        "silhouette_iou": silhouette_iou(clips.opacity[b, ..., 0], mesh.opacity[b, ..., 0]),
    }
    means = {name: values.mean().item() for name, values in measures.items()}
    return means | {f"{name}_t0": values[0].item() for name, values in measures.items()}


def figures_by_frame(clips: Render, mesh: Render, names: list[str]) -> dict[str, list[float]]:
    """PSNR and overlap of silhouettes, one number a frame, of every view."""
    measures = {
        "psnr_by_frame": psnr(clips.rgb, mesh.rgb).clamp(max=BEST_PSNR),
        "silhouette_iou_by_frame": silhouette_iou(clips.opacity[..., 0], mesh.opacity[..., 0]),
    }
    return {f"{key}/{name}": values[b].tolist() for key, values in measures.items() for b, name in enumerate(names)}


def cleanliness_figures(clips: Render, mesh: Render, b: int) -> dict[str, float]:
    """Haze and floaters of view b's clip around the mesh, and the loose pieces of the mesh's own silhouette."""
    opacity, silhouette = clips.opacity[b, ..., 0], mesh.opacity[b, ..., 0]
    return {
        "haze": haze(opacity, silhouette[0]),
        "haze_t0": haze(opacity[:1], silhouette[0]),
        "floaters": floaters(opacity).mean().item(),
        "floaters_mesh": floaters(silhouette).item(),
    }


def motion_figures(clips: Render, b: int) -> dict[str, float]:
    """How much and how smoothly view b's clip moves."""
    clip, opacity = clips.rgb[b], clips.opacity[b, ..., 0]
    flow = motion.optical_flow(clip)
    return {
        "flow": motion.flow_magnitude(flow, opacity),
        "flow_top5": motion.flow_top5(flow).mean().item(),
        "dynamic_degree": float(motion.is_dynamic(flow)),
        "silhouette_change": motion.silhouette_change(opacity),
        "acceleration": motion.acceleration(opacity),
        "warp_error": motion.warp_error(clip, flow, opacity),
        "flicker": motion.flicker(clip),
    }


def agreement_figures(clips: Render, mesh: Render, cameras: Cameras) -> dict[str, float]:
    """How well the views agree, and how well they do on the mesh itself: what pixels of this size leave."""
    own, still = view_agreement(clips, cameras), view_agreement(mesh, cameras)
    figures = {f"view_{name}": getattr(own, name) for name in ("color", "gap", "holes")}
    return figures | {f"{name}_mesh": getattr(still, name.removeprefix("view_")) for name in figures}


def deformation_figures(moved: Tensor | None) -> dict[str, float | None]:
    """How much the surface is deformed after frame 0, from tracks (V, N, 3), if there are any."""
    if moved is None or len(moved) < 2:
        return {"stretch": None, "stretch_top5": None}
    change = local_stretch(moved)[1:]
    return {"stretch": change.mean().item(), "stretch_top5": mean_of_largest(change).mean().item()}
