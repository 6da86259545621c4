"""From a prompt to its motion check, over all views of a clip or on the tracks of its surface."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from to4d.lexicon.motions import KINDS as MOTIONS
from to4d.lexicon.verbs import motions_in
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
    """The check for the first verb of motion of a prompt that has one; None if none has. The noun is no motion.

    "still" counts only where no motion is named: "a bell still swinging" swings.

    >>> motion_kind("a plant is blooming"), motion_kind("a bell still swings"), motion_kind("a lamp singing")
    ('growing', 'swaying', None)
    """
    kinds = (*motions_in(text, noun), *motions_in(text, noun, after_articles=True))  # "in bloom", if nothing else
    checks = [check for kind in kinds if (check := MOTIONS[kind].check)]
    return next((check for check in checks if check != "still"), next(iter(checks), None))


def check_clip(kind: str, opacity: Tensor, moved: Tensor | None = None) -> Verdict | None:
    """Check a clip of B views, opacity (B, V, H, W), whose surface points were at `moved` (V, N, 3), if that is known.

    A check that exists for tracks and for silhouettes uses the tracks; None if it needs tracks and there are none.
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
