"""What spoke for a choice, in words."""

from collections.abc import Mapping

UP_SIGNS = {
    "what it stands on": ("base", "top", "rests", "log_rests", "off_centre"),
    "its feet": ("pieces",),
    "its mirror plane": ("mirror",),
    "how wide and heavy it is from bottom to top": ("width", "mass", "centre", "spread", "skew"),
    "its proportions": ("height", "breadth", "shadow", "fullness"),
}
FRONT_SIGNS = {
    "its mirror plane": ("error", "worse", "long", "slim"),
    "how high its ends are": ("head", "upper", "top", "bottom"),
    "its feet": ("toes", "ground"),
    "how thick its ends are": ("blunt", "thickness", "mass", "width", "skew"),
    "what sticks out of its sides": ("sides",),
}


def strongest_signs(contributions: Mapping[str, float], signs: Mapping[str, tuple[str, ...]], count: int = 2) -> str:
    """The `count` groups of features that speak for a choice most.

    Args:
        contributions: of each feature to the log odds of the choice.
        signs: words for features whose names begin with one of several prefixes.
        count: at most so many.

    >>> strongest_signs({"toes": 1.0, "head_slim": 0.5, "error": -1.0}, FRONT_SIGNS)
    'its feet and how high its ends are'
    """
    totals = {
        words: sum(value for name, value in contributions.items() if name.startswith(prefixes))
        for words, prefixes in signs.items()
    }
    ranked = sorted(totals, key=lambda words: -totals[words])
    return " and ".join(words for number, words in enumerate(ranked[:count]) if not number or totals[words] > 0)
