"""The asset inside a page."""

import base64
from dataclasses import dataclass
from pathlib import Path

from to4d.export.gltf.build_document import world_from_asset
from to4d.types import Mesh


@dataclass(frozen=True)
class EmbeddedAsset:
    """The asset inside the page, or the reason why it is not there."""

    name: str = ""
    data: str = ""  # base64 of the .glb file
    world: list[float] | None = None  # 4 x 4, column by column: from the asset's coordinates to the run's cameras'
    reason: str = ""


def embed_asset(path: Path, mesh: Mesh, limit_mb: float) -> EmbeddedAsset:
    """The asset for the 3D view, unless there is none or it has more than `limit_mb` megabytes."""
    if not path.is_file():
        return EmbeddedAsset(reason="No asset.glb: that needs model=bones, deform or nodes, and export=[glb].")
    if path.stat().st_size > 1e6 * limit_mb:
        reason = f"asset.glb has more than {limit_mb:g} MB, so it is not in this page (export.report.asset_mb)."
        return EmbeddedAsset(reason=reason)
    world = world_from_asset(mesh).T.reshape(-1).tolist()
    return EmbeddedAsset(mesh.noun or mesh.name, base64.b64encode(path.read_bytes()).decode(), world)
