"""How words that a vocabulary does not have are read: which of its words means the same or is spelt nearly the same.

A vocabulary is the tuple of words that a prior was trained on, in the order of their numbers.
"""

from difflib import get_close_matches
from functools import cache

from to4d.lexicon.inflection import inflect
from to4d.lexicon.motions import KINDS, UNLIKE_ANY
from to4d.lexicon.verbs import is_irregular, kind_of, kinds_beginning_with, lemma_of

ENDINGS = ("ing", "ed")


def is_motion(word: str) -> bool:
    """Whether the phrase of a motion begins with it."""
    return bool(kinds_beginning_with(word))


@cache
def known_motions(vocabulary: tuple[str, ...]) -> dict[str, str]:
    """Kind -> its first phrase all words of which are known; kinds without one are left out."""
    known, found = set(vocabulary), {}
    for kind in KINDS.values():
        forms = {form: [inflect(phrase, form) for phrase in kind.phrases] for form in ("ing", "s", "base")}
        phrases = (*forms["ing"], *kind.states, *forms["s"], *forms["base"])
        if first := next((phrase for phrase in phrases if known.issuperset(phrase.split())), None):
            found[kind.name] = first
    return found


@cache
def _verbs(vocabulary: tuple[str, ...]) -> dict[str, str]:
    """Lemma -> the first known form of it, of verbs that name a motion alone ("stay" needs "still")."""
    alone = {verb for kind in KINDS.values() for verb in (*kind.verbs, *kind.states)}
    return {lemma: word for word in reversed(vocabulary) if (lemma := lemma_of(word)) in alone}


def read_as(word: str, vocabulary: tuple[str, ...]) -> str:
    """The known verb that a word outside the vocabulary is read as: another form of it, or one of the same kind.

    Irregular pasts were kept out of the training's captions to test with, as verbs of the same kind. The word itself if
    the lexicon does not have it: spelling alone is no reason to take one word for another.

    >>> read_as("jumped", ("jumping", "spin")), read_as("pirouettes", ("jumping", "spin"))
    ('jumping', 'spin')
    """
    same = None if is_irregular(word) else _verbs(vocabulary).get(lemma_of(word) or "")
    return same or known_motions(vocabulary).get(kind_of(word) or "", word).split()[0]


@cache
def is_misspelt_motion(word: str, vocabulary: tuple[str, ...]) -> bool:
    """Whether a word outside the vocabulary is nearly spelt as a known motion, so that its letter triples still tell.

    >>> is_misspelt_motion("jumpin", ("jumping", "wags")), is_misspelt_motion("was", ("jumping", "wags"))
    (True, False)
    """
    motions = [known for known in vocabulary if is_motion(known)]
    return len(word) > 4 and bool(get_close_matches(word, motions, 1, 0.87))


def nearest(word: str, vocabulary: tuple[str, ...]) -> str:
    """The known word that means nearly the same, or is spelt nearly the same; "" if there is none.

    What looks like a verb is only compared with motions, without its ending, so that zorbing is not taken for morphing.
    """
    if motion := known_motions(vocabulary).get(kind_of(word) or ""):
        return motion
    if lemma_of(word) in UNLIKE_ANY:
        return ""
    stem = next((word.removesuffix(ending) for ending in ENDINGS if word.endswith(ending) and len(word) > 4), None)
    if stem is None:
        return next(iter(get_close_matches(word, vocabulary, 1, 0.6)), "")
    motions = [known for known in reversed(vocabulary) if is_motion(known)]
    verbs = {lemma: known for known in motions if (lemma := lemma_of(known))}
    return next((verbs[lemma] for lemma in get_close_matches(stem, verbs, 1, 0.75)), "")
