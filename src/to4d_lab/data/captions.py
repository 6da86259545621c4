"""What is said about a clip: verbs, nouns and the sentence around them."""

from dataclasses import dataclass

from numpy.random import Generator

from to4d.lexicon.adverbs import FAST, SLIGHT, SLOW, STRONG
from to4d.lexicon.inflection import inflect
from to4d_lab.data.caption_verbs import FORMS, HELD_OUT_FORMS, PARTS, VERBS, phrases
from to4d_lab.data.sentences import (
    AFTER,
    EXTRAS,
    FRAMES,
    HELD_OUT_FRAMES,
    HELD_OUT_PART_FRAME,
    HIGH,
    LEADS,
    PAINTS,
    PART_FRAMES,
    TAILS,
)

SYLLABLES = ("ka", "zu", "mo", "ri", "ten", "bla", "fox", "gro", "pi", "lu", "nar", "dro", "ve", "shi", "quo", "wem")
COMMON = "a an the is are on in up down of with and it its background white object thing toy animal figure"
MAX_WORDS = 31


@dataclass(frozen=True)
class Caption:
    """A sentence, its noun, and by how much it makes the motion larger and quicker than usual."""

    text: str
    noun: str
    amplitude: float
    speed: float


@dataclass(frozen=True)
class Sentence:
    """A frame, the form of the verb that it wants, such a verb, and the part that moves if it names one."""

    frame: str
    form: str
    verb: str
    part: str = ""


def pick(rng: Generator, options: tuple[str, ...]) -> str:
    """One of the options."""
    return options[rng.integers(len(options))]


def weighted(rng: Generator, options: dict[str, float]) -> str:
    """One of the options, as often as its weight says."""
    total = sum(options.values())
    return list(options)[rng.choice(len(options), p=[weight / total for weight in options.values()])]


def nonsense(rng: Generator) -> str:
    """A word that no vocabulary has, so that the prior learns to treat any noun as the object."""
    return "".join(pick(rng, SYLLABLES) for _ in range(rng.integers(2, 4)))


def draw_noun(rng: Generator, nouns: tuple[str, ...]) -> str:
    """One of the object's names, or a general or a nonsense word."""
    chance = rng.uniform()
    if chance < 0.2:
        return nonsense(rng)
    return pick(rng, ("object", "thing", "toy")) if chance < 0.26 else pick(rng, nouns)


def draw_adverbs(rng: Generator, kind: str) -> tuple[list[str], float, float]:
    """No, one or two adverbs, and the amplitude and the speed that they stand for."""
    words, amplitude, speed, chance = [], rng.uniform(0.85, 1.15), 1.0, rng.uniform(size=2)
    if kind == "still":
        return words, amplitude, speed
    if chance[0] < 0.14:
        size = SLIGHT if chance[0] < 0.07 else STRONG
        words.append(pick(rng, size.phrases + (("high",) if size is STRONG and kind in HIGH else ())))
        amplitude = size.factor * rng.uniform(0.92, 1.08)
    if chance[1] < 0.16:
        pace = SLOW if chance[1] < 0.08 else FAST
        words.append(pick(rng, pace.phrases))
        speed = pace.factor
    return words, amplitude, speed


def draw_action(rng: Generator, verb: str, kind: str, adverbs: list[str]) -> str:
    """The verb with its adverbs around it and perhaps a place or a direction behind it."""
    before = [word for word in adverbs if word not in AFTER and rng.uniform() < 0.5]
    tail = pick(rng, TAILS[kind]) if kind in TAILS and " " not in verb and rng.uniform() < 0.35 else ""
    after = [word for word in adverbs if word not in before]
    return " ".join(word for word in (*before, verb, tail, *after) if word)


def draw_name(rng: Generator, noun: str) -> tuple[str, str]:
    """The noun with up to two adjectives, and the same with an article."""
    chance = rng.uniform()
    paints = [pick(rng, PAINTS) for _ in range(int(chance < 0.2) + int(chance < 0.05))]
    name = " ".join([*dict.fromkeys(paints), noun])
    article = pick(rng, ("an" if name[0] in "aeiou" else "a", "the")) if rng.uniform() < 0.93 else ""
    return name, f"{article} {name}".strip()


def draw_sentence(rng: Generator, kind: str, held_out: bool) -> Sentence:
    """A sentence about this kind of motion; about a part of the object now and then, if one part alone moves."""
    part, ways, kept = PARTS.get(kind, ("", "", ""))
    if part and rng.uniform() < 0.5:
        if held_out:
            return Sentence(HELD_OUT_PART_FRAME, "past", pick(rng, phrases(kept)), part)
        frame, way = weighted(rng, PART_FRAMES), pick(rng, phrases(ways))
        form = "ing" if "{ing}" in frame else "s"
        return Sentence(frame, form, inflect(way, "base" if form == "s" and part.endswith("s") else form), part)
    if held_out:
        form = pick(rng, tuple(form for form, verbs in HELD_OUT_FORMS[kind].items() if verbs))
        return Sentence(pick(rng, HELD_OUT_FRAMES[form]), form, pick(rng, HELD_OUT_FORMS[kind][form]))
    frame = weighted(rng, FRAMES)
    form = next(form for form in FORMS[kind] if f"{{{form}}}" in frame)
    return Sentence(frame, form, pick(rng, FORMS[kind][form]))


def draw_caption(rng: Generator, kind: str, nouns: tuple[str, ...], held_out: bool = False) -> Caption:
    """A random sentence of at most 31 words about an object, one of `nouns`, that moves as `kind` says.

    `held_out` makes it of words and frames that no training caption has.
    """
    noun = draw_noun(rng, nouns)
    name, named = draw_name(rng, noun)
    adverbs, amplitude, speed = draw_adverbs(rng, kind)
    sentence = draw_sentence(rng, kind, held_out)
    action = draw_action(rng, sentence.verb, kind, adverbs)
    text = sentence.frame.format(n=name, np=named, part=sentence.part, **{sentence.form: action})
    if not held_out:
        text = decorated(rng, text, leads=sentence.frame in ("{np} {ing}", "{n} {ing}"))
    return Caption(text, noun, amplitude, speed)


def decorated(rng: Generator, text: str, leads: bool) -> str:
    """The text with words before it, if `leads`, and sometimes many after it."""
    text = f"{pick(rng, LEADS)} {text}" if leads and rng.uniform() < 0.3 else text
    for extra in rng.permutation(EXTRAS)[: rng.integers(1, 9) if rng.uniform() < 0.2 else 0]:
        longer = f"{text}, {extra}"
        text = longer if len(longer.split()) <= MAX_WORDS else text
    return text


def all_words(nouns: list[str]) -> tuple[str, ...]:
    """Every word a training caption can hold, nonsense left out, in a fixed order."""
    ways = [way for _, ways, _ in PARTS.values() for way in phrases(ways)]
    ways = [inflect(way, form) for way in ways for form in ("base", "s", "ing")]
    blank = dict.fromkeys(("n", "np", "part", "base", "s", "ing"), "")
    frames = [frame.format(**blank).replace(",", " ") for frame in (*FRAMES, *PART_FRAMES)]
    pools = [*VERBS.values(), ways, [part for part, _, _ in PARTS.values()], *TAILS.values()]
    pools += [
        *(adverbs.phrases for adverbs in (SLOW, FAST, SLIGHT, STRONG)),
        ("high",),
        frames,
        LEADS,
        PAINTS,
        EXTRAS,
        nouns,
        (COMMON,),
    ]
    return tuple(dict.fromkeys(word for pool in pools for phrase in pool for word in phrase.split()))
