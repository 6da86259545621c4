"""Forms of English verbs: third person, participle in -ing, past.

Forms are made from known lemmas, never guessed from endings: `verbs.lemma_of` looks a word up among them.
"""

from collections.abc import Callable

_DOUBLED = """bob bud chop clap dip drip drop flag flap flip get hit hop jog nod run sag sit skip spin split squat stab
step stir stop strut swim throb tip trip trot wag"""
_IRREGULAR = """beat beat, become became, break broke, build built, burst burst, catch caught, do did,
drink drank, drive drove, eat ate, fall fell, feed fed, fight fought, flee fled, fly flew, freeze froze, get got,
go went, grow grew, hit hit, kneel knelt, leap leapt, read read, ring rang, run ran, say said, shake shook,
shine shone, shoot shot, shrink shrank, sing sang, sink sank, sit sat, sleep slept, speak spoke, spin spun,
split split, spring sprang, stand stood, stride strode, strike struck, swim swam, swing swung, take took,
think thought, throw threw, wring wrung, write wrote"""
DOUBLED = frozenset(_DOUBLED.split())  # lemmas whose last letter is doubled before -ing and -ed
IRREGULAR_PASTS = {verb: past for verb, past in map(str.split, _IRREGULAR.split(","))}
AMBIGUOUS_PASTS = {"bend": "bent", "bite": "bit", "rise": "rose"}  # more often no verb: made, never looked up


def third_person(verb: str) -> str:
    """He, she or it does.

    >>> third_person("wave"), third_person("fly"), third_person("stretch")
    ('waves', 'flies', 'stretches')
    """
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if _consonant_y(verb) else verb + "s"


def participle(verb: str) -> str:
    """It is doing.

    >>> participle("wave"), participle("hop"), participle("die"), participle("fly")
    ('waving', 'hopping', 'dying', 'flying')
    """
    if verb.endswith("ie") and len(verb) < 4:
        return verb[:-2] + "ying"
    stem = verb + verb[-1] if verb in DOUBLED else verb
    return (stem[:-1] if stem.endswith("e") and stem[-2:] not in ("ee", "ie", "oe") else stem) + "ing"


def past(verb: str) -> str:
    """It did.

    >>> past("wave"), past("hop"), past("die"), past("tumble"), past("carry"), past("grow")
    ('waved', 'hopped', 'died', 'tumbled', 'carried', 'grew')
    """
    return IRREGULAR_PASTS.get(verb) or AMBIGUOUS_PASTS.get(verb) or regular_past(verb)


def regular_past(verb: str) -> str:
    """It did, as children say it: of some irregular verbs a form beside the other.

    >>> past("leap"), regular_past("leap")
    ('leapt', 'leaped')
    """
    stem = verb + verb[-1] if verb in DOUBLED else verb[:-1] + "i" if _consonant_y(verb) else verb
    return stem + ("d" if stem.endswith("e") else "ed")


def _consonant_y(verb: str) -> bool:
    return verb.endswith("y") and verb[-2] not in "aeou"


FORMS: dict[str, Callable[[str], str]] = {"base": str, "s": third_person, "ing": participle, "past": past}


def inflect(phrase: str, form: str) -> str:
    """A phrase in one of `FORMS`: its first word is inflected, and so is a later one that is marked with a star.

    >>> inflect("squash and *stretch", "ing"), inflect("swim forward", "past")
    ('squashing and stretching', 'swam forward')
    """
    first, *rest = phrase.split()
    words = [FORMS[form](word[1:]) if word.startswith("*") else word for word in rest]
    return " ".join([FORMS[form](first), *words])
