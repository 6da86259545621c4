import pytest

from to4d.errors import InputError
from to4d.lexicon.nouns import noun_starts
from to4d.lexicon.text import words
from to4d.prompt import make_prompt


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("a plant blooming", "plant"),
        ("Mario's jumping, happily", "mario"),
        ("the hand bell is swaying", "hand bell"),
        ("two plants growing", "plant"),
        ("A PLANT blooming", "Plant"),
    ],
)
def test_the_noun_is_found_as_people_write_it(text, noun):
    assert make_prompt(text, noun).noun == noun
    assert len(noun_starts(words(text), noun)) == 1


@pytest.mark.parametrize(
    ("text", "noun", "named"),
    [
        ("a pot blooming", "plant", "'a pot blooming'.*'plant'.*object.noun"),
        ("a plant beside a plant", "plant", "'a plant beside a plant'.* 2 "),
        ("the implant grows", "plant", "'the implant grows'.*'plant'"),
        ("", "plant", "prompt="),
        (None, "plant", "prompt="),
        (",;", "plant", "prompt="),
        ("a plant blooming", None, "'a plant blooming'.*object.noun"),
    ],
)
def test_a_bad_prompt_is_refused_with_what_to_set(text, noun, named):
    with pytest.raises(InputError, match=f"(?s){named}"):
        make_prompt(text, noun)
