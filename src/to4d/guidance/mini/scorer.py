"""Which motion does a clip show? A small classifier of what a tracker sees: it judges the prior's samples.

It knows nothing of the prior: other clips (another seed), outlines and flow that are measured, not told, and no paint.
It knows the motions of a whole object; of limbs that move by a pixel or two it can't judge.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from to4d.guidance.mini.data.clips import FRAMES
from to4d.guidance.mini.data.motions import MOTIONS
from to4d.guidance.mini.tracker import BOX, CANVAS, Seen
from to4d.types import generator_at

KINDS = tuple(sorted(MOTIONS))
FEATURES = CANVAS**2 + 5 * BOX**2


def features(seen: Seen) -> Tensor:
    """What the net is shown, all about as large: (N, V, FEATURES)."""
    changes = (seen.outline - seen.outline[:, :1]).float().flatten(2)
    steps = avg_pool2d(seen.steps.float().flatten(0, 1), CANVAS // BOX).flatten(1).unflatten(0, seen.steps.shape[:2])
    tracks = seen.tracks.float().flatten(2)
    body = seen.body.float().flatten(1)[:, None].expand(-1, FRAMES, -1)
    return torch.cat([changes, 6.0 * steps, 2.0 * tracks, body], -1)


class Scorer(nn.Module):
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

    def forward(self, shown: Tensor) -> Tensor:
        """(N, V, FEATURES) -> (N, kinds) logits."""
        x = self.norm(shown.flatten(0, 1)).unflatten(0, shown.shape[:2])
        x = (self.inward(x) + self.clock).transpose(1, 2)
        for layer in self.time:
            x = x + layer(x)
        return self.out(torch.cat([x.mean(2), x.amax(2)], 1))


@dataclass(frozen=True)
class Plan:
    """How the scorer is trained."""

    epochs: int = 26
    batch: int = 64
    rate: float = 2e-3
    seed: int = 100


def train_scorer(seen: Seen, kinds: list[str], plan: Plan) -> Scorer:
    """Train on clips of `KINDS`, half of them mirrored; prints its progress."""
    torch.manual_seed(plan.seed)
    scorer, target = Scorer(), torch.tensor([KINDS.index(kind) for kind in kinds])
    steps = max(1, plan.epochs * len(seen) // plan.batch)
    optimizer = torch.optim.AdamW(scorer.parameters(), plan.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, steps, pct_start=0.15)
    both = features(seen), features(seen.mirrored())
    scorer.train()
    for step in range(steps):
        rng = generator_at(plan.seed, step)
        rows = torch.randint(len(seen), (plan.batch,), generator=rng)
        mirrored = torch.rand(plan.batch, generator=rng) < 0.5
        shown = torch.where(mirrored[:, None, None], both[1][rows], both[0][rows])
        logits = scorer(shown + 0.02 * torch.randn(shown.shape, generator=rng))
        loss = cross_entropy(logits, target[rows], label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"scorer {step + 1}/{steps}  loss {loss.item():.3f}", flush=True)
    return scorer.eval().requires_grad_(False)


def save_scorer(scorer: Scorer, path: Path) -> None:
    """Write the weights."""
    save_file(scorer.state_dict(), path)


def load_scorer(path: Path) -> Scorer:
    """Read the weights."""
    scorer = Scorer()
    with safe_open(path, "pt") as file:
        scorer.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
    return scorer.eval().requires_grad_(False)


@torch.no_grad()
def recognised(scorer: Scorer, seen: Seen) -> list[str]:
    """The likeliest kind of each clip, seen as it is and in a mirror."""
    chances = sum(scorer(features(each)).log_softmax(1) for each in (seen, seen.mirrored()))
    return [KINDS[index] for index in chances.argmax(1).tolist()]
