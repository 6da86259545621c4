"""CLIP's tokens, and which of them are the noun's."""

import pytest
import torch

from to4d.errors import InputError
from to4d.guidance.dynamicrafter.noun_tokens import clip_noun_marks
from to4d.lexicon.clip_tokenizer import tables, tokenise, tokens_of

ONE_TOKEN = ["plant", "hulk", "elephant", "broccoli", "mario", "candle", "turtle", "snowman", "raccoon", "unicorn"]


def marked(text, noun):
    return clip_noun_marks(text, noun).nonzero().flatten().tolist()


def test_a_known_sentence_has_the_known_numbers():
    assert tokenise("a plant blooming")[:6].tolist() == [49406, 320, 3912, 19266, 49407, 0]
    assert tokenise("").tolist() == [49406, 49407] + [0] * 75
    assert len(tables()[1]) == 49406


def test_case_and_spaces_do_not_matter():
    assert torch.equal(tokenise("  A Plant\n BLOOMING "), tokenise("a plant blooming"))


@pytest.mark.parametrize("noun", ONE_TOKEN)
def test_plain_nouns_are_one_token(noun):
    assert marked(f"a {noun} dancing", noun) == [2]


@pytest.mark.parametrize(
    ("text", "noun", "places"),
    [
        ("an ice cream melting", "ice cream", [2, 3]),
        ("a handbell ringing", "handbell", [2, 3]),
        ("a hand-bell ringing", "hand-bell", [2, 3, 4]),
        ("an icecream drips, the cup too", "cup", [7]),  # "drips" is two tokens and the comma is one
        ("two foxes running", "fox", [2]),
        ("Mario's hat spins", "mario", [1]),
        ("it’s the Plant!", "plant", [4]),
        ("a plant beside a plant", "plant", [2, 5]),
    ],
)
def test_the_noun_is_found_by_its_word_not_by_counting_words(text, noun, places):
    assert marked(text, noun) == places


@pytest.mark.parametrize("text", ["a planter blooming", "an eggplant blooming", "the plant-like thing", "a pot"])
def test_a_part_of_another_word_is_not_the_noun(text):
    with pytest.raises(InputError, match="'plant'"):
        clip_noun_marks(text, "plant")


def test_a_long_text_is_cut_and_a_noun_beyond_the_cut_is_an_error():
    text = "a very " + "very " * 80 + "tall plant"
    assert tokenise(text)[-1] == 49407
    with pytest.raises(InputError, match="'plant'.* 75 "):
        clip_noun_marks(text, "plant")


def test_any_letters_have_tokens():
    assert all(len(tokens_of(word)) >= 1 for word in ("é", "植物", "🌱", "ß", "_"))
