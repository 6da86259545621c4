"""Which motion does a clip show? A small classifier of what a tracker sees.

It judges what a prior or a 4D object shows and knows nothing of either: outlines and flow are measured, not told, and
of paint it sees nothing. Its own clips (`guidance/mini/judge.py`) are of other seeds than the embedded prior's.
It knows the motions of a whole object; of limbs that move by a pixel or two it can't judge.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from to4d.judge.tracker import BOX, CANVAS, Seen
from to4d.types import generator_at

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
SHIPPED = Path(__file__).with_name("judge.safetensors")
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
    """Write the weights, in half precision but for statistics."""
    state = {name: value.half() if value.dim() > 1 else value for name, value in scorer.state_dict().items()}
    save_file(state, path)


def load_scorer(path: Path = SHIPPED) -> Scorer:
    """Read the weights; by default those that come with the package."""
    with torch.random.fork_rng(devices=[]):
        scorer = Scorer()
    with safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    scorer.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    return scorer.eval().requires_grad_(False)


@torch.no_grad()
def chances(scorer: Scorer, seen: Seen) -> Tensor:
    """(N, kinds) probabilities, seen as it is and in a mirror."""
    both = [scorer(features(each)).log_softmax(1) for each in (seen, seen.mirrored())]
    return (0.5 * (both[0] + both[1])).softmax(1)


def recognised(scorer: Scorer, seen: Seen) -> list[str]:
    """The likeliest kind of each clip."""
    return [KINDS[index] for index in chances(scorer, seen).argmax(1).tolist()]
