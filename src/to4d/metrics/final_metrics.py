"""The numbers at the end of a run."""

from dataclasses import dataclass, field
from typing import Any

from to4d.metrics.basic import Weightless
from to4d.metrics.renders import see
from to4d.types import Scene
from to4d.viewpoints import Viewpoints


@dataclass(frozen=True)
class FourViews:
    """Measures a scene from a few sides (the paper: four, at the object's height, 16 frames, 8 fps)."""

    views: Viewpoints = field(default_factory=Viewpoints)
    frames: int = 16
    floor: str | None = None  # see `Weightless`

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Figures by name, ready for JSON."""
        return Weightless(self.floor)(see(scene, self.views, self.frames))
