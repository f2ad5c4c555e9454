from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.texts.tokens import open_tokenizer, tokenise
from geomem.texts.words import UNKNOWN, train_words

TEXT = ["The cat sat. The c", "at ran, the dog sat!\nThe end."]


def test_every_word_and_mark_is_a_token_the_most_frequent_first():
    tokenizer = train_words(TEXT)
    words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    assert words[:3] == ["<|endoftext|>", UNKNOWN, "The"]
    assert set(words[2:]) == {"The", "the", "cat", "sat", "ran", "dog", "end", ".", ",", "!"}
    assert tokenizer.decode(tokenise(TEXT, tokenizer)) == "The cat sat . The cat ran , the dog sat ! The end ."


def test_words_beyond_the_vocabulary_are_unknown():
    tokenizer = train_words(TEXT, 3)
    assert len(tokenizer) == 3
    assert tokenise(["The cat sat purring"], tokenizer).tolist() == [2, 1, 1, 1]
    assert tokenizer.unk_token == UNKNOWN


def test_it_is_the_same_every_time_and_after_saving(tmp_path):
    tokenizer = train_words(TEXT)
    assert tokenizer.backend_tokenizer.to_str() == train_words("".join(TEXT)).backend_tokenizer.to_str()
    tokenizer.save_pretrained(str(tmp_path))
    again = open_tokenizer(tmp_path)
    assert torch.equal(tokenise(TEXT, tokenizer), tokenise(TEXT, again))


def test_the_end_of_a_text_is_one_token():
    assert tokenise(["cat<|endoftext|>dog"], train_words(TEXT)).tolist()[1] == 0


def test_what_makes_no_tokenizer_is_refused():
    with pytest.raises(InputError, match="at least 3 tokens, got 2"):
        train_words(TEXT, 2)
    with pytest.raises(InputError, match="no word"):
        train_words([" \n "])
