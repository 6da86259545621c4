"""From a prompt to its motion check, over all views of a clip."""

from collections.abc import Iterable
from dataclasses import dataclass
from re import findall

from torch import Tensor

from to4d.metrics.motion_checks import CHECKS, Check, check_view
from to4d.types import check_shape

VERBS = {
    "jumping": "jump hop bounce leap",
    "growing": "grow bloom blossom unfold open expand enlarge inflate swell",
    "swaying": "sway wave swing bend",
    "melting": "melt collapse dissolve sink",
    "shaking": "shake tremble vibrate shiver",
    "falling": "fall topple tip",
    "nodding": "nod bow",
}


@dataclass(frozen=True)
class Verdict:
    """One motion's checks of a clip, a check a view; passed if at least three quarters of the views pass."""

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

    >>> motion_kind("a plant is blooming"), motion_kind("a bell swings"), motion_kind("a lamp spinning")
    ('growing', 'swaying', None)
    """
    words = [word for word in findall(r"[a-z]+", text.lower()) if word not in noun.lower().split()]
    known = {form: kind for kind, verbs in VERBS.items() for verb in verbs.split() for form in _forms(verb)}
    return next((known[word] for word in words if word in known), None)


def check_clip(kind: str, opacity: Tensor) -> Verdict:
    """Check a clip of B views, opacity (B, V, H, W)."""
    check_shape("opacity", opacity, (None, None, None, None))
    return Verdict(kind, tuple(check_view(kind, view) for view in opacity))


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
