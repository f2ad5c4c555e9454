from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from geomem.errors import InputError
from geomem.texts.bpe import END, train_bpe
from tests.texts.samples import pages, small_bpe


def test_it_has_the_size_asked_for_and_the_special_token_first() -> None:
    tokenizer = small_bpe()
    assert len(tokenizer) == 300
    assert tokenizer.convert_ids_to_tokens(0) == END
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == 0


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=60))
def test_every_text_comes_back(text: str) -> None:
    tokenizer = small_bpe()
    ids = tokenizer(text.replace(END, ""), add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text.replace(END, "")
    assert all(0 < one < 300 for one in ids)


def _merges(tokenizer: Any) -> Any:
    return json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]


def test_merges_join_the_most_frequent_pair_and_are_the_same_every_time() -> None:
    tokenizer = train_bpe(["ab ab ab ab xy xy " * 20], 259)
    assert _merges(tokenizer)[0] in (["a", "b"], "a b", ["Ġ", "ab"], ["Ġ", "a"])
    text = pages()[:20_000]
    first = _merges(train_bpe([text], 400))
    assert len(first) == 143
    for size in (777, 5000):
        assert _merges(train_bpe([text[place : place + size] for place in range(0, len(text), size)], 400)) == first


def test_it_opens_with_auto_tokenizer(tmp_path: Path) -> None:
    small_bpe().save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again("Mr. Knightley  was\nthere")["input_ids"] == small_bpe()("Mr. Knightley  was\nthere")["input_ids"]
    assert len(again) == 300


@pytest.mark.parametrize(
    ("size", "text", "complaint"),
    [
        (256, "abc", "vocabulary: a byte-level tokenizer has at least 257 tokens, got 256"),
        (300, "abc", r"vocabulary: the text is too short for 300 tokens, it gives 25\d; ask for fewer"),
    ],
)
def test_impossible_sizes_are_refused(size: int, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        train_bpe([text], size)
