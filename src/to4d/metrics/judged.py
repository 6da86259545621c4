"""Does a clip show the prompt's motion? The shipped judge (`to4d.judge`) answers, which no prior is trained against."""

from functools import cache
from typing import Any

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from to4d.judge.scorer import FRAMES, KINDS, Scorer, chances, load_scorer
from to4d.judge.tracker import watch

SIZE = 64  # pixels a side of the clips that the judge was trained on
SAME = {  # the motion of a prompt, as the checks name it -> what the judge calls it
    "jumping": "jump bounce",
    "growing": "grow bloom",
    "shrinking": "shrink",
    "breathing": "pulse",
    "swaying": "sway rock",
    "melting": "melt",
    "shaking": "shake",
    "falling": "fall",
    "nodding": "nod",
    "stretching": "stretch",
    "flying": "fly",
    "rolling": "roll",
    "spinning": "spin",
    "twisting": "twist",
    "still": "still",
}


@cache
def shipped() -> Scorer:
    """The judge, read once."""
    return load_scorer()


def judged(rgb: Tensor, motion: str | None, names: list[str]) -> dict[str, Any]:
    """What the judge sees in clips (B, V, H, W, 3) in [0, 1] of B views.

    Returns:
        `judged/<view>`, what it takes each for; `judged`, the mean probability of the prompt's `motion`; and
        `judged_views`, in how many views that is the likeliest. None where the judge does not know the motion, and all
        of it where a clip has not 16 frames.
    """
    if rgb.shape[1] != FRAMES:
        return dict.fromkeys(["judged", "judged_views", *(f"judged/{name}" for name in names)])
    small = adaptive_avg_pool2d(rgb.detach().cpu().float().movedim(-1, 2).flatten(0, 1), SIZE).movedim(1, -1)
    found = chances(shipped(), watch(small.unflatten(0, rgb.shape[:2]).numpy()))
    likeliest = [KINDS[index] for index in found.argmax(1).tolist()]
    likeliest_by_view = {f"judged/{name}": kind for name, kind in zip(names, likeliest, strict=True)}
    if motion not in SAME:
        return {"judged": None, "judged_views": None} | likeliest_by_view
    kinds = SAME[motion].split()
    share = found[:, [KINDS.index(kind) for kind in kinds]].sum(1).mean()
    return {"judged": float(share), "judged_views": sum(kind in kinds for kind in likeliest)} | likeliest_by_view
