"""From a prompt to its motion check, over all views of a clip or on the tracks of its surface."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from re import findall

from torch import Tensor

from to4d.metrics.checks import limb_checks, side_checks, track_checks
from to4d.metrics.checks.check import Check
from to4d.metrics.checks.motion_checks import CHECKS, check_view
from to4d.types import check_shape

TRACK_CHECKS: dict[str, Callable[[Tensor], Check]] = {
    "spinning": track_checks.spinning,
    "twisting": track_checks.twisting,
    "rolling": track_checks.rolling_tracks,
    "swaying": side_checks.swaying_tracks,
    "shaking": side_checks.shaking_tracks,
    "falling": side_checks.falling_tracks,
    "still": track_checks.still_tracks,
    "walking": limb_checks.walking,
    "waving": limb_checks.waving,
}
KINDS = tuple(dict.fromkeys((*CHECKS, *TRACK_CHECKS)))
ALSO = {"waving": "swaying"}  # another check that is enough: a hand waves, a flag sways
VERBS = {
    "jumping": "jump hop bounce leap",
    "growing": "grow bloom blossom unfold open expand enlarge inflate swell",
    "shrinking": "shrink shrivel dwindle deflate",
    "breathing": "breathe pulse pulsate throb",
    "swaying": "sway swing bend",
    "melting": "melt collapse dissolve sink",
    "shaking": "shake tremble vibrate shiver",
    "falling": "fall topple tip",
    "nodding": "nod bow",
    "stretching": "stretch elongate",
    "flying": "fly rise float hover levitate",
    "rolling": "roll",
    "spinning": "spin rotate turn twirl revolve",
    "twisting": "twist",
    "walking": "walk march stroll run jog",
    "waving": "wave",
    "still": "still motionless",  # only where no motion is named: "a bell still swinging" swings
}


@dataclass(frozen=True)
class Verdict:
    """One motion's checks of a clip, a check a view; passed if at least three quarters of the views pass.

    A check on tracks has one answer for the clip, which stands for every view.
    """

    kind: str
    views: tuple[Check, ...]

    @property
    def passed_views(self) -> int:
        """How many views pass."""
        return sum(view.passed for view in self.views)

    @property
    def passed(self) -> bool:
        """At least three of four views."""
        return self.passed_views >= 0.75 * len(self.views)


def motion_kind(text: str, noun: str = "") -> str | None:
    """The check for the first motion word of a prompt; None if no check is known. The noun is no motion.

    >>> motion_kind("a plant is blooming"), motion_kind("a bell still swings"), motion_kind("a lamp singing")
    ('growing', 'swaying', None)
    """
    words = [word for word in findall(r"[a-z]+", text.lower()) if word not in noun.lower().split()]
    known = {form: kind for kind, verbs in VERBS.items() for verb in verbs.split() for form in _forms(verb)}
    kinds = [known[word] for word in words if word in known]
    return next((kind for kind in kinds if kind != "still"), next(iter(kinds), None))


def check_clip(kind: str, opacity: Tensor, moved: Tensor | None = None) -> Verdict | None:
    """Check a clip of B views, opacity (B, V, H, W), whose surface points were at `moved` (V, N, 3), if that is known.

    A check that knows both tracks and silhouettes asks the tracks; None if it needs tracks and there are none.
    """
    check_shape("opacity", opacity, (None, None, None, None))
    if moved is not None and kind in TRACK_CHECKS:
        return Verdict(kind, (TRACK_CHECKS[kind](moved),) * len(opacity))
    return Verdict(kind, tuple(check_view(kind, view) for view in opacity)) if kind in CHECKS else None


def best_verdict(kind: str | None, verdicts: Mapping[str, Verdict | None]) -> Verdict | None:
    """The verdict on a prompt's motion; of two checks of which one is enough, the one that more views pass."""
    known = [verdict for name in (kind, ALSO.get(kind)) if (verdict := verdicts.get(name)) is not None]
    return max(known, key=lambda verdict: verdict.passed_views, default=None)


def confusion(clips: Iterable[tuple[str, Tensor]], kinds: Iterable[str] = tuple(CHECKS)) -> dict[str, dict[str, float]]:
    """Share of views that pass each check, for each label, from pairs of a label and opacity (B, V, H, W).

    A row is what the clips should do, a column what a check says they do; the diagonal should be near 1.
    """
    clips, kinds = list(clips), list(kinds)
    rows: dict[str, dict[str, float]] = {}
    for label in dict.fromkeys(label for label, _ in clips):
        views = [view for name, opacity in clips if name == label for view in opacity]
        rows[label] = {kind: sum(check_view(kind, view).passed for view in views) / len(views) for kind in kinds}
    return rows


def _forms(verb: str) -> list[str]:
    """A verb's spellings: jump, jumps, jumped, jumping; wave, waving; hop, hopping.

    >>> "hopping" in _forms("hop"), "waving" in _forms("wave"), "shook" in _forms("shake")
    (True, True, False)
    """
    stems = [verb, verb + verb[-1], verb.removesuffix("e")]
    return [verb, verb + "s", verb + "es", *(stem + ending for stem in stems for ending in ("ing", "ed"))]
