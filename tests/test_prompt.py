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
    ("text", "noun", "says"),
    [
        ("a pot blooming", "plant", "never names the object 'plant'.*object.noun"),
        ("a plant beside a plant", "plant", "2 times"),
        ("the implant grows", "plant", "never names"),
        ("", "plant", "what should the object do"),
        (None, "plant", "what should the object do"),
        (",;", "plant", "what should the object do"),
        ("a plant blooming", None, "which word"),
    ],
)
def test_bad_prompts_are_explained(text, noun, says):
    with pytest.raises(InputError, match=f"(?s){says}"):
        make_prompt(text, noun)
