"""Which motion does a clip show? A small video classifier that judges the prior's samples.

It knows nothing of the prior: other clips (another seed), another architecture, pixels instead of latents.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from to4d.guidance.mini.data.dataset import ClipSet
from to4d.guidance.mini.tensors import quick_products
from to4d.types import generator_at

FRAMES = 16


def visible(frames: Tensor) -> Tensor:
    """What of clips (B, V, S, S, 3) tells motion: outline and grey, and how both changed, (B, V, 4, S / 2, S / 2).

    The outline is what differs from the corners' colour. Paint is left out: it says nothing about a motion.
    """
    corners = frames[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]].median(1).values[:, None, None, None]
    outline = ((frames - corners).abs().amax(-1) * 8.0).clamp(0.0, 1.0)
    grey = (frames - corners).mean(-1)
    small = avg_pool2d(torch.stack([outline, grey], 2).flatten(0, 1), 2).unflatten(0, frames.shape[:2])
    return torch.cat([small, 2.0 * (small - small[:, :1])], 2)


class Scorer(nn.Module):
    """Outlines and greys through convolutions, then a transformer over time."""

    def __init__(self, kinds: tuple[str, ...], width: int = 128) -> None:
        super().__init__()
        self.kinds = kinds
        sizes = (4, 48, 96, width)
        self.look = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.GroupNorm(8, b), nn.SiLU())
                for a, b in zip(sizes, sizes[1:], strict=False)
            )
        )
        self.inward = nn.Linear(4 * 4 * width, width)
        self.clock = nn.Parameter(0.1 * torch.randn(FRAMES, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.time = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Dropout(0.2), nn.Linear(width, len(kinds)))

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 16, 64, 64, 3) in [0, 1] -> (B, kinds) logits."""
        x = self.inward(self.look(visible(frames).flatten(0, 1)).flatten(1)).view(len(frames), FRAMES, -1) + self.clock
        return self.out(self.time(x).mean(1))


@dataclass(frozen=True)
class Plan:
    """How the scorer is trained."""

    steps: int = 2000
    batch: int = 32
    rate: float = 1.5e-3
    seed: int = 100


def altered(frames: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the clips mirrored, colours permuted, a little noise, so that only the motion tells."""
    mirrored = (torch.rand(len(frames), generator=rng) < 0.5)[:, None, None, None, None]
    frames = torch.where(mirrored, frames.flip(3), frames)
    frames = frames[..., torch.randperm(3, generator=rng)]
    grain = 0.05 * torch.rand(len(frames), 1, 1, 1, 1, generator=rng)
    return frames + grain * torch.randn(frames.shape, generator=rng)


def train_scorer(clips: ClipSet, plan: Plan) -> Scorer:
    """Train on a data set; prints its progress."""
    torch.manual_seed(plan.seed)
    scorer = Scorer(tuple(sorted(set(clips.kind))))
    target = torch.tensor([scorer.kinds.index(kind) for kind in clips.kind])
    optimizer = torch.optim.AdamW(scorer.parameters(), plan.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, plan.steps, pct_start=0.1)
    scorer.train()
    for step in range(plan.steps):
        rng = generator_at(plan.seed, step)
        rows = torch.randperm(len(clips), generator=rng)[: plan.batch].sort().values
        frames = altered(torch.from_numpy(clips.frames[rows.numpy()]).float() / 255.0, rng)
        with quick_products(frames.device):
            logits = scorer(frames)
        loss = cross_entropy(logits.float(), target[rows], label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            print(f"scorer {step + 1}/{plan.steps}  loss {loss.item():.3f}", flush=True)
    return scorer.eval().requires_grad_(False)


def save_scorer(scorer: Scorer, path: Path) -> None:
    """Write the weights, the kinds in the header."""
    save_file(scorer.state_dict(), path, metadata={"kinds": " ".join(scorer.kinds)})


def load_scorer(path: Path) -> Scorer:
    """Read the weights."""
    with safe_open(path, "pt") as file:
        kinds = tuple(file.metadata()["kinds"].split())
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    scorer = Scorer(kinds)
    scorer.load_state_dict(state)
    return scorer.eval().requires_grad_(False)


@torch.no_grad()
def recognised(scorer: Scorer, frames: Tensor, size: int = 32) -> list[str]:
    """The likeliest kind of each clip (N, 16, 64, 64, 3)."""
    best = torch.cat([scorer(frames[start : start + size]).argmax(1) for start in range(0, len(frames), size)])
    return [scorer.kinds[index] for index in best.tolist()]
