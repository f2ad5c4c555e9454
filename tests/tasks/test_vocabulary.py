from __future__ import annotations

import pytest

from geomem.errors import InputError
from geomem.tasks.vocabulary import SPECIALS, Numbered, TextVocabulary, Vocabulary
from tests.texts.samples import small_bpe


def test_ids_are_those_of_the_card():
    words = Vocabulary(17)
    assert words.size == 26
    ids = [words.bar, words.pause, words.slash, words.filler, words.pad, words.edge, words.path]
    assert ids == [17, 18, 19, 20, 23, 24, 25]
    assert [words.special(name) for name in SPECIALS] == list(range(17, 26))


def test_names_go_both_ways():
    words = Vocabulary(2, ("Chad", "Peru"))
    assert words.names([words.edge, 1, 0]) == ["[EDGE]", "Peru", "Chad"]
    assert Vocabulary(2).names(range(4)) == ["0", "1", "|", "[PAUSE]"]


def test_an_unknown_special_names_the_nearest():
    with pytest.raises(InputError, match=r"did you mean '\[PAUSE\]'"):
        Vocabulary(2).special("PAUSE")


@pytest.mark.parametrize("token", [-1, 11])
def test_no_name_outside_the_vocabulary(token: int):
    with pytest.raises(IndexError):
        Vocabulary(2).name(token)


def test_tokens_of_a_tokenizer_are_named_by_their_text() -> None:
    tokenizer = small_bpe()
    vocabulary = TextVocabulary(tokenizer)
    assert vocabulary.size == 300
    assert "".join(vocabulary.names(tokenizer("to the Emma")["input_ids"])) == "to the Emma"
    part = tokenizer("é")["input_ids"][0]
    assert vocabulary.name(part) == tokenizer.convert_ids_to_tokens(part), "half a character has no text"
    assert vocabulary.name(0) == "<|endoftext|>"
    for token in (-1, 300):
        with pytest.raises(IndexError, match=r"outside 0\.\.299"):
            vocabulary.name(token)


def test_tokens_without_names_are_their_numbers():
    vocabulary = Numbered(3)
    assert vocabulary.names([2, 0]) == ["2", "0"]
    for token in (-1, 3):
        with pytest.raises(IndexError):
            vocabulary.name(token)
