"""The lexicon: every form of a verb is read, and every motion that has a check is known by it."""

from collections import Counter

import pytest

from to4d.lexicon.adverbs import amplitude_of, speed_of
from to4d.lexicon.inflection import AMBIGUOUS_PASTS, FORMS, inflect
from to4d.lexicon.motions import KINDS
from to4d.lexicon.verbs import kind_of, lemma_of, motions_in
from to4d.metrics.checks.prompt_check import KINDS as CHECKS
from to4d.metrics.checks.prompt_check import motion_kind

VERBS = sorted({verb for kind in KINDS.values() for verb in (*kind.verbs, *kind.synonyms)})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_leads_back_to_its_lemma(form):
    read = {verb: lemma_of(inflect(verb, form)) for verb in VERBS if form != "past" or verb not in AMBIGUOUS_PASTS}
    assert read == {verb: verb for verb in read}


def test_a_verb_names_one_kind_of_motion():
    named = Counter(verb for kind in KINDS.values() for verb in (*kind.verbs, *kind.synonyms))
    assert {verb for verb, count in named.items() if count > 1} == {"wave", "dance"}


def test_every_check_is_a_check_of_the_metrics():
    assert {kind.check for kind in KINDS.values()} - {None} == set(CHECKS)


@pytest.mark.parametrize(
    ("text", "noun", "check"),
    [
        ("a plant grew", "plant", "growing"),
        ("the bell swung", "bell", "swaying"),
        ("a top spun", "top", "spinning"),
        ("a tower shook", "tower", "shaking"),
        ("the vase fell", "vase", "falling"),
        ("a fox ran", "fox", "walking"),
        ("an eagle flew", "eagle", "flying"),
        ("a balloon shrank", "balloon", "shrinking"),
        ("a frog leapt", "frog", "jumping"),
        ("a dog pirouettes", "dog", "spinning"),
        ("a robot tumbles", "robot", "rolling"),
        ("a unicorn wobbling", "unicorn", "swaying"),
        ("a plant in bloom", "plant", "growing"),
    ],
)
def test_verbs_in_any_form_lead_to_their_check(text, noun, check):
    assert motion_kind(text, noun) == check


@pytest.mark.parametrize(
    ("text", "kind"), [("a flag ripples", "ripple"), ("an orca swimming", "swim"), ("a robot dancing", "dance")]
)
def test_motions_that_no_check_knows_are_read_and_have_none(text, kind):
    assert motions_in(text) == [kind]
    assert motion_kind(text) is None


@pytest.mark.parametrize("word", ["rose", "bent", "bit", "hoping", "lamp", "stills"])
def test_what_is_more_often_no_verb_is_not_read_as_one(word):
    assert kind_of(word) is None


@pytest.mark.parametrize(
    ("text", "speed", "amplitude"),
    [
        ("a fox walking", 1.0, 1.0),
        ("a fox quickly walking a lot", 1.5, 1.35),
        ("a little fox walks in slow motion", 0.6, 1.0),
    ],
)
def test_adverbs_set_speed_and_amplitude(text, speed, amplitude):
    assert (speed_of(text), amplitude_of(text)) == (speed, amplitude)
