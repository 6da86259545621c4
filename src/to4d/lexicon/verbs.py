"""Reading verbs: the lemma and the kind of motion of a word in any form."""

from functools import cache

from to4d.lexicon.inflection import AMBIGUOUS_PASTS, FORMS, IRREGULAR_PASTS, regular_past
from to4d.lexicon.motions import KINDS, UNLIKE_ANY
from to4d.lexicon.text import words

NO_VERB_FOLLOWS = frozenset(["a", "an", "the", "of", "on", "in", "his", "her", "its", "their"])  # "on a step"


@cache
def _kind_of_lemma() -> dict[str, str]:
    """Lemma or state -> kind. A phrase counts for more than a synonym; of two kinds with one verb, the later."""
    synonyms = {verb: kind.name for kind in KINDS.values() for verb in kind.synonyms}
    return synonyms | {word: kind.name for kind in KINDS.values() for word in (*kind.verbs, *kind.states)}


@cache
def _lemmas() -> dict[str, str]:
    """Every form of every verb -> its lemma; where two verbs share a form, the one that is that form."""
    states = {state for kind in KINDS.values() for state in kind.states}
    first_words = {phrase.split()[0] for kind in KINDS.values() for phrase in kind.phrases}
    verbs = (first_words | _kind_of_lemma().keys() | set(UNLIKE_ANY)) - states
    found = {make(verb): verb for verb in sorted(verbs) for make in (regular_past, *FORMS.values())}
    found |= {verb: verb for verb in verbs | states}
    return {form: verb for form, verb in found.items() if form not in AMBIGUOUS_PASTS.values()}


def lemma_of(word: str) -> str | None:
    """The lemma of a verb form, or the word itself if it is a state; None if the lexicon does not have it.

    >>> lemma_of("shook"), lemma_of("hopping"), lemma_of("lamp")
    ('shake', 'hop', None)
    """
    return _lemmas().get(word)


def is_irregular(word: str) -> bool:
    """Whether a word is the irregular past of a verb."""
    return word in IRREGULAR_PASTS.values() and lemma_of(word) != word


def kind_of(word: str) -> str | None:
    """The kind of motion (a key of `KINDS`) that a verb in any form names; None if it names none.

    >>> kind_of("shook"), kind_of("waggled"), kind_of("singing")
    ('shake', 'head_shake', None)
    """
    return _kind_of_lemma().get(lemma_of(word) or "")


@cache
def _kinds_by_first_lemma() -> dict[str, frozenset[str]]:
    first = [(kind.name, phrase.split()[0]) for kind in KINDS.values() for phrase in (*kind.phrases, *kind.states)]
    return {lemma: frozenset(kind for kind, other in first if other == lemma) for _, lemma in first}


def kinds_beginning_with(word: str) -> frozenset[str]:
    """The kinds that have a phrase which begins with a form of the same verb.

    >>> sorted(kinds_beginning_with("nods")), sorted(kinds_beginning_with("lamp"))
    (['head_nod', 'nod'], [])
    """
    return _kinds_by_first_lemma().get(lemma_of(word) or "", frozenset())


def motions_in(text: str, noun: str = "", after_articles: bool = False) -> list[str]:
    """The kinds of motion that the verbs of a text name, in their order; the words of `noun` name none.

    Nor does a bare form after an article or the like, unless `after_articles`.

    >>> motions_in("a red ball on a step bounces and grew", "ball")
    ['bounce', 'grow']
    """
    said, names = words(text), words(noun)
    verbs = (
        word
        for before, word in zip(["", *said], said, strict=False)
        if after_articles or before not in NO_VERB_FOLLOWS or word.endswith("ing")
    )
    return [kind for word in verbs if word not in names and (kind := kind_of(word))]
