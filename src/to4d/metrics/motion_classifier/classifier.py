"""A small video classifier: which motion does a clip show?

It works on silhouettes and optical flow (`tracking`), never on colours, so it applies to samples of any prior and to
renders of any 4D object. It was trained on clips of other seeds than the embedded prior's (`to4d_lab`). It knows
motions of a whole object; limbs that move by a pixel or two are beyond its resolution.
"""

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from to4d.metrics.motion_classifier.tracking import BOX, CANVAS, TrackedClips

KINDS = (
    "bloom",
    "bounce",
    "fall",
    "flap",
    "fly",
    "grow",
    "jump",
    "melt",
    "nod",
    "pulse",
    "ripple",
    "rock",
    "roll",
    "shake",
    "shrink",
    "spin",
    "still",
    "stretch",
    "sway",
    "swim",
    "twist",
    "wilt",
)
FRAMES = 16
SHIPPED = Path(__file__).with_name("motion_classifier.safetensors")
FEATURES = CANVAS**2 + 5 * BOX**2


def input_features(tracked: TrackedClips) -> Tensor:
    """The classifier's input, every channel of order 1: (N, V, FEATURES)."""
    changes = (tracked.outline - tracked.outline[:, :1]).float().flatten(2)
    steps = (
        avg_pool2d(tracked.steps.float().flatten(0, 1), CANVAS // BOX).flatten(1).unflatten(0, tracked.steps.shape[:2])
    )
    tracks = tracked.tracks.float().flatten(2)
    body = tracked.body.float().flatten(1)[:, None].expand(-1, FRAMES, -1)
    return torch.cat([changes, 6.0 * steps, 2.0 * tracks, body], -1)


class MotionClassifier(nn.Module):
    """Each frame through two layers, then convolutions over time."""

    def __init__(self, width: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(FEATURES)
        self.inward = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(FEATURES, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.clock = nn.Parameter(0.1 * torch.randn(FRAMES, width))
        self.time = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(8, width),
                nn.GELU(),
                nn.Conv1d(width, width, 5, padding=2),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Conv1d(width, width, 5, padding=2),
            )
            for _ in range(2)
        )
        self.out = nn.Sequential(nn.LayerNorm(2 * width), nn.Dropout(dropout), nn.Linear(2 * width, len(KINDS)))

    def forward(self, features: Tensor) -> Tensor:
        """(N, V, FEATURES) -> (N, kinds) logits."""
        x = self.norm(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        x = (self.inward(x) + self.clock).transpose(1, 2)
        for layer in self.time:
            x = x + layer(x)
        return self.out(torch.cat([x.mean(2), x.amax(2)], 1))


def load_classifier(path: Path = SHIPPED) -> MotionClassifier:
    """Read the weights; by default those that come with the package."""
    with torch.random.fork_rng(devices=[]):
        classifier = MotionClassifier()
    with safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    classifier.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return classifier.eval().requires_grad_(False)


@torch.no_grad()
def probabilities(classifier: MotionClassifier, tracked: TrackedClips) -> Tensor:
    """(N, kinds) probabilities: the geometric mean over the clips and their mirror images, renormalised."""
    both = [classifier(input_features(each)).log_softmax(1) for each in (tracked, tracked.mirrored())]
    return (0.5 * (both[0] + both[1])).softmax(1)


def classify(classifier: MotionClassifier, tracked: TrackedClips) -> list[str]:
    """The likeliest kind of each clip."""
    return [KINDS[index] for index in probabilities(classifier, tracked).argmax(1).tolist()]
