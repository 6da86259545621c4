"""Does a clip show the prompt's motion? By the shipped motion classifier, which no prior is trained against."""

from functools import cache
from typing import Any

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from to4d.lexicon.motions import KINDS as MOTIONS
from to4d.metrics.motion_classifier.classifier import FRAMES, KINDS, MotionClassifier, load_classifier, probabilities
from to4d.metrics.motion_classifier.tracking import track_clips

SIZE = 64  # pixels a side of the clips that the classifier was trained on
KINDS_OF_CHECK = {  # motion check -> the classifier's kinds that are the same motion
    check: tuple(name for name in KINDS if MOTIONS[name].check == check)
    for check in dict.fromkeys(MOTIONS[name].check for name in KINDS)
    if check
}


@cache
def shipped() -> MotionClassifier:
    """The classifier, read once."""
    return load_classifier()


def judged(rgb: Tensor, motion: str | None, names: list[str]) -> dict[str, Any]:
    """The classifier's answers for clips (B, V, H, W, 3) in [0, 1] of B views.

    Returns:
        `judged/<view>`, the likeliest kind of each; `judged`, the mean probability of the prompt's `motion`; and
        `judged_views`, in how many views that is the likeliest. None where the classifier does not know the
        motion, and all of it where a clip has not 16 frames.
    """
    if rgb.shape[1] != FRAMES:
        return dict.fromkeys(["judged", "judged_views", *(f"judged/{name}" for name in names)])
    small = adaptive_avg_pool2d(rgb.detach().cpu().float().movedim(-1, 2).flatten(0, 1), SIZE).movedim(1, -1)
    found = probabilities(shipped(), track_clips(small.unflatten(0, rgb.shape[:2]).numpy()))
    likeliest = [KINDS[index] for index in found.argmax(1).tolist()]
    by_view = {f"judged/{name}": kind for name, kind in zip(names, likeliest, strict=True)}
    if motion not in KINDS_OF_CHECK:
        return {"judged": None, "judged_views": None} | by_view
    kinds = KINDS_OF_CHECK[motion]
    share = found[:, [KINDS.index(kind) for kind in kinds]].sum(1).mean()
    return {"judged": float(share), "judged_views": sum(kind in kinds for kind in likeliest)} | by_view
