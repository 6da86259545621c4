"""Which motions a vocabulary knows, and which known word comes closest to one that it has never seen."""

from difflib import get_close_matches
from functools import cache

from to4d.guidance.mini.data.verbs import HELD_OUT_VERBS, VERBS

SYNONYMS = {  # kind -> stems that mean nearly the same
    "jump": "vault bound pounce skip spring",
    "bounce": "rebound boing dribble",
    "sway": "oscillate slant waver incline",
    "ripple": "billow waft undulate flow squiggle",
    "spin": "pirouette gyrate rotate orbit swivel pivot swirl spiral circle",
    "rock": "lurch seesaw stagger",
    "shake": "shudder quake quiver wriggle convulse buzz twitch jiggle chime",
    "nod": "stoop curtsy kneel genuflect",
    "twist": "coil curl warp",
    "stretch": "extend elongate squish squeeze compress flatten flex lengthen",
    "grow": "magnify scale balloon enlarge sprout zoom thicken widen bulge mature",
    "bloom": "unfurl flourish bud burgeon flower hatch",
    "shrink": "diminish dwindle reduce condense compact miniaturise miniaturize contract",
    "melt": "liquefy thaw drip disintegrate evaporate ooze crumble dissolve",
    "wilt": "flag shrivel fade droop languish",
    "fall": "overturn capsize tumble plummet trip crash drop",
    "pulse": "heave respire pant throb inhale exhale",
    "flap": "wing flutter",
    "swim": "squirm dive slither snorkel crawl undulate",
    "roll": "somersault trundle flip",
    "fly": "glide levitate ascend climb hover soar launch lift",
    "still": "pause halt freeze stop sleep stay pose",
    "walk": "amble trudge saunter hike strut tiptoe wander stomp limp parade",
    "run": "dash scamper gallop sprint trot rush flee hurry canter charge",
    "wave": "salute beckon greet gesture",
    "dance": "jive waltz twerk breakdance salsa disco tango moonwalk",
    "attack": "lunge smash chop slash stab swipe fight box headbutt",
    "die": "expire perish faint decease",
    "idle": "linger loiter wait",
    "sit": "perch squat crouch",
    "cheer": "exult rejoice celebrate clap",
    "eat": "devour gobble nibble chew bite",
}
NOTHING_LIKE_IT = """explode shatter break burn burst split vanish disappear appear transform morph glow shine blink
talk speak sing laugh cry smile think drive cook drink write read shoot throw catch play build paint """  # for any kind

ALIKE = {stem: kind for kind, text in reversed(SYNONYMS.items()) for stem in text.split()}


def stems(word: str) -> list[str]:
    """What a verb form may come from, itself included.

    >>> "hop" in stems("hopping"), "dance" in stems("danced"), "fly" in stems("flies")
    (True, True, True)
    """
    found = [word]
    for ending, instead in (("ing", ""), ("ing", "e"), ("ed", ""), ("d", ""), ("es", ""), ("s", ""), ("ies", "y")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            found.append(word.removesuffix(ending) + instead)
    return found + [stem[:-1] for stem in found if len(stem) > 3 and stem[-1] == stem[-2]]


@cache
def kept() -> dict[str, str]:
    """Stem -> kind, of the verbs that no training caption holds."""
    verbs = [(phrase.split()[0], kind) for kind, phrases in reversed(HELD_OUT_VERBS.items()) for phrase in phrases]
    return {stem: kind for verb, kind in verbs for stem in reversed(stems(verb))}


def looks_like_verb(word: str) -> bool:
    """Whether it ends as verb forms do."""
    return word.endswith(("ing", "ed")) and len(word) > 4


@cache
def known_motions(words: tuple[str, ...]) -> dict[str, str]:
    """Kind -> its first phrase all words of which are known; kinds without one are left out."""
    known = set(words)
    phrases = {kind: [phrase for phrase in verbs if known.issuperset(phrase.split())] for kind, verbs in VERBS.items()}
    return {kind: options[0] for kind, options in phrases.items() if options}


@cache
def kinds_begun() -> dict[str, set[str]]:
    """First word of a phrase -> the kinds of motion that have such a phrase."""
    kinds: dict[str, set[str]] = {}
    for kind, verbs in VERBS.items():
        for phrase in verbs:
            kinds.setdefault(phrase.split()[0], set()).add(kind)
    return kinds


def is_motion(word: str) -> bool:
    """Whether a motion's phrase begins with it."""
    return word in kinds_begun()


def kind_of(word: str) -> str | None:
    """The kind of motion that a verb outside the training captions means; None if the tables do not tell.

    >>> kind_of("shook"), kind_of("waggled"), kind_of("singing")
    ('shake', 'head_shake', None)
    """
    return next((table[stem] for table in (kept(), ALIKE) for stem in stems(word) if stem in table), None)


@cache
def _verbs(words: tuple[str, ...]) -> dict[str, str]:
    """Stem -> a known word that is a motion by itself ("stay" is none, it needs "still")."""
    alone = {phrase for verbs in VERBS.values() for phrase in verbs}
    return {stem: known for known in reversed(words) if known in alone for stem in stems(known)}


def understood(word: str, words: tuple[str, ...]) -> str:
    """The known verb that a word outside the vocabulary is read as: another form of it, or one of the same meaning.

    The word itself if the tables tell nothing: spelling alone is no reason to take one word for another.

    >>> understood("jumped", ("jumping", "spin")), understood("pirouettes", ("jumping", "spin"))
    ('jumping', 'spin')
    """
    verbs = _verbs(words)
    same = next((verbs[stem] for stem in stems(word) if stem in verbs), None)
    return same or known_motions(words).get(kind_of(word) or "", word).split()[0]


@cache
def misspelt(word: str, words: tuple[str, ...]) -> bool:
    """Whether a word outside the vocabulary is a known motion with a slip of the pen: its letter triples still tell.

    >>> misspelt("jumpin", ("jumping", "wags")), misspelt("was", ("jumping", "wags"))
    (True, False)
    """
    motions = [known for known in words if is_motion(known)]
    return len(word) > 4 and bool(get_close_matches(word, motions, 1, 0.87))


def nearest(word: str, words: tuple[str, ...]) -> str:
    """The known word that means nearly the same, or is spelt nearly the same; "" if there is none.

    What looks like a verb is only compared with motions, without its ending, so that zorbing is not taken for morphing.
    """
    motions = known_motions(words)
    kind = kind_of(word)
    if kind in motions:
        return motions[kind]
    if set(stems(word)) & set(NOTHING_LIKE_IT.split()):
        return ""
    if not looks_like_verb(word):
        return next(iter(get_close_matches(word, words, 1, 0.6)), "")
    verbs = {stem: known for known in words if is_motion(known) for stem in stems(known)[1:]}
    close = [match for stem in stems(word)[1:] for match in get_close_matches(stem, verbs, 1, 0.75)]
    return verbs[close[0]] if close else ""
