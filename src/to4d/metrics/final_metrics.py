"""The metrics that a run computes at its end."""

from dataclasses import dataclass, field
from typing import Any

from to4d.metrics.basic import BasicMetrics
from to4d.metrics.renders import render_for_evaluation
from to4d.protocols import Scene
from to4d.viewpoints import Viewpoints


@dataclass(frozen=True)
class FinalMetrics:
    """Measures a scene from a few sides (the paper: four, at the object's height, 16 frames, 8 fps)."""

    views: Viewpoints = field(default_factory=Viewpoints)
    frames: int = 16
    static_baseline: str | None = None  # see `BasicMetrics`

    def __call__(self, scene: Scene) -> dict[str, Any]:
        """Figures by name, ready for JSON."""
        return BasicMetrics(self.static_baseline)(render_for_evaluation(scene, self.views, self.frames))
