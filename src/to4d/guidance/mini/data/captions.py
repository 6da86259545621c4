"""What is said about a clip: verbs, nouns and the sentence around them."""

from dataclasses import dataclass

from numpy.random import Generator

VERBS = {  # stem forms first; -s and -ing forms are what people write
    "jump": ("jumping", "jumps", "hopping", "hops", "bouncing", "leaping", "jump"),
    "grow": ("growing", "grows", "expanding", "enlarging", "grow"),
    "bloom": ("blooming", "blooms", "blossoming", "opening", "unfolding", "bloom"),
    "melt": ("melting", "melts", "collapsing", "dissolving", "sinking", "melt"),
    "shrink": ("shrinking", "shrinks", "deflating", "shrink"),
    "sway": ("swaying", "sways", "waving", "waves", "swinging", "swings", "bending", "sway"),
    "rock": ("walking", "walks", "rocking", "dancing", "dances", "wobbling", "marching", "walk"),
    "shake": ("shaking", "shakes", "trembling", "vibrating", "shivering", "ringing", "shake"),
    "nod": ("nodding", "nods", "bowing", "nod"),
    "twist": ("twisting", "twists", "twirling", "twist"),
    "spin": ("spinning", "spins", "rotating", "turning", "spin"),
    "stretch": ("stretching", "stretches", "squashing", "stretch"),
    "pulse": ("breathing", "breathes", "pulsing", "inflating", "beating"),
    "fall": ("falling", "falls", "toppling", "tipping", "fall"),
    "fly": ("flying", "flies", "floating", "rising", "fly"),
    "still": ("standing", "resting", "still", "stands", "motionless"),
}
TAILS = {
    "jump": ("up and down", "in place", "up in the air", "happily"),
    "grow": ("up", "big", "larger", "bigger"),
    "bloom": ("", "in spring"),
    "sway": ("in the wind", "side to side", "gently", "from side to side", "its arms"),
    "melt": ("down", "away"),
    "rock": ("to music", "in place", "forward"),
    "shake": ("in place",),
    "nod": ("its head",),
    "spin": ("around", "in place"),
    "stretch": ("up",),
    "fall": ("over", "down"),
    "fly": ("up", "up in the air", "in the air"),
    "still": ("still",),
}
SOFT, STRONG = ("slightly", "gently", "slowly"), ("strongly", "vigorously", "wildly", "quickly", "high")
LEADS = ("", "", "", "", "", "", "animated", "a photo of", "a video of", "3d model of")
PAINTS = ("red", "green", "blue", "yellow", "small", "big", "cute", "little", "old")
SYLLABLES = ("ka", "zu", "mo", "ri", "ten", "bla", "fox", "gro", "pi", "lu", "nar", "dro", "ve", "shi", "quo", "wem")
COMMON = "a an the is on in up down of with and it its background white object thing toy animal figure"


@dataclass(frozen=True)
class Caption:
    """A sentence, its noun and how large the motion should be."""

    text: str
    noun: str
    amplitude: float


def pick(rng: Generator, options: tuple[str, ...]) -> str:
    """One of the options."""
    return options[rng.integers(len(options))]


def nonsense(rng: Generator) -> str:
    """A word that no vocabulary has, so that the prior learns to treat any noun as the object."""
    return "".join(pick(rng, SYLLABLES) for _ in range(rng.integers(2, 4)))


def draw_noun(rng: Generator, nouns: tuple[str, ...]) -> str:
    """One of the object's names, or a general or a nonsense word."""
    chance = rng.uniform()
    if chance < 0.2:
        return nonsense(rng)
    return pick(rng, ("object", "thing", "toy")) if chance < 0.26 else pick(rng, nouns)


def draw_caption(rng: Generator, kind: str, nouns: tuple[str, ...]) -> Caption:
    """A random sentence about an object that moves as `kind` says."""
    amplitude, adverb, chance = 1.0, "", rng.uniform()
    if chance < 0.1:
        adverb, amplitude = pick(rng, SOFT), 0.65
    elif chance < 0.2:
        adverb, amplitude = pick(rng, STRONG), 1.25
    noun, verb, tail = draw_noun(rng, nouns), pick(rng, VERBS[kind]), ""
    if kind in TAILS and rng.uniform() < 0.4:
        tail = pick(rng, TAILS[kind])
    lead = pick(rng, LEADS)
    article = pick(rng, ("a", "a", "the")) if rng.uniform() < 0.9 else ""
    paint = pick(rng, PAINTS) if rng.uniform() < 0.12 else ""
    link = "is" if rng.uniform() < 0.25 else ""
    action = [adverb, verb] if rng.uniform() < 0.6 else [verb, adverb]
    scene = "on a white background" if rng.uniform() < 0.08 else ""
    words = [lead, article, paint, noun, link, *action, tail, scene]
    if rng.uniform() < 0.1:
        words = [verb, adverb, article, noun, tail]
    return Caption(" ".join(word for word in words if word), noun, amplitude * rng.uniform(0.85, 1.15))


def all_words(nouns: list[str]) -> tuple[str, ...]:
    """Every word a caption can hold, nonsense left out, in a fixed order."""
    pools = [*VERBS.values(), *TAILS.values(), SOFT, STRONG, LEADS, PAINTS, tuple(nouns), (COMMON,)]
    words = (word for pool in pools for phrase in pool for word in phrase.split())
    return tuple(dict.fromkeys(words))
