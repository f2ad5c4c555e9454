from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.texts.tokens import MASK, mask_token, open_tokenizer, pieces, start_token, tokenise
from tests.texts.samples import pages, scramble, small_bpe


def chunked(text: str, size: int) -> list[str]:
    return [text[place : place + size] for place in range(0, len(text), size)]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(1, 60), st.integers(1, 60))
def test_pieces_are_the_text_and_do_not_depend_on_its_chunks(seed: int, length: int, one: int, two: int) -> None:
    text = scramble(seed, length)
    found = list(pieces(chunked(text, one), size=8))
    assert "".join(found) == text
    assert found == list(pieces(chunked(text, two), size=8))
    assert all(1 <= len(piece) <= 32 for piece in found)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_no_token_of_a_byte_level_bpe_crosses_a_cut(seed: int) -> None:
    text, tokenizer = scramble(seed, 300, "abc de\n\n .,'s1"), small_bpe()
    parts = list(pieces([text], size=10))
    # Else the characters had no place to cut at.
    if all(a.endswith("\n") or b.startswith(" ") for a, b in pairwise(parts)):
        joined = [token for piece in parts for token in tokenizer(piece)["input_ids"]]
        assert joined == tokenizer(text)["input_ids"]


def test_a_long_text_has_the_tokens_of_the_whole(tmp_path: Path) -> None:
    text, tokenizer = pages() * 6, small_bpe()
    assert len(list(pieces([text]))) > 2
    tokens = tokenise(chunked(text, 999), tokenizer)
    assert tokens.dtype == torch.int32
    assert tokens.tolist() == tokenizer(text, verbose=False)["input_ids"]
    kept = tokenise([text], tokenizer, tmp_path / "tokens.bin")
    assert torch.equal(kept, tokens)
    assert (tmp_path / "tokens.bin").stat().st_size == 4 * len(tokens)


@pytest.mark.parametrize("kept", [False, True])
def test_no_token_is_an_error(kept: bool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the tokenizer makes no token of the text"):
        tokenise([], small_bpe(), tmp_path / "tokens.bin" if kept else None)


def with_start(first: str | None, **special: str) -> Any:
    """Return a word tokenizer whose post-processor puts `first` before a text, as Llama's and BERT's do."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    found: Any = Tokenizer(models.WordLevel({"[X]": 0, "a": 1, "[S]": 2}, unk_token="[X]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    if first:
        found.post_processor = processors.TemplateProcessing(f"{first} $A", None, [(first, 2)])  # type: ignore[arg-type]
    return PreTrainedTokenizerFast(tokenizer_object=found, **special)


def test_the_tokenizer_decides_what_a_window_starts_with() -> None:
    assert start_token(with_start("[S]", bos_token="[S]")) == 2
    assert start_token(with_start("[S]", cls_token="[S]")) == 2
    assert start_token(with_start(None, bos_token="[S]")) is None
    assert start_token(small_bpe()) is None
    assert tokenise(["a a b"], with_start("[S]", bos_token="[S]")).tolist() == [1, 1, 0]


def test_tokenizers_open_from_a_folder_and_from_a_run(tmp_path: Path) -> None:
    small_bpe().save_pretrained(tmp_path / "run" / "checkpoint")
    for folder in (tmp_path / "run", tmp_path / "run" / "checkpoint"):
        again: Any = open_tokenizer(folder)
        assert again("Emma and Harriet")["input_ids"] == small_bpe()("Emma and Harriet")["input_ids"]
    with pytest.raises(InputError, match="no such folder to take a tokenizer from"):
        open_tokenizer(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds no tokenizer \(one of tokenizer\.json"):
        open_tokenizer(tmp_path / "empty")
    (tmp_path / "empty" / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="the tokenizer cannot be opened") as caught:
        open_tokenizer(tmp_path / "empty")
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_a_mask_gets_one_behind_its_tokens(tmp_path: Path) -> None:
    tokenizer = deepcopy(small_bpe(300))
    before = tokenizer("Emma sat.")["input_ids"]
    assert mask_token(tokenizer) == 300 == mask_token(tokenizer)
    assert (len(tokenizer), tokenizer.mask_token) == (301, MASK)
    assert tokenizer("Emma sat.")["input_ids"] == before
    tokenizer.save_pretrained(tmp_path)
    assert open_tokenizer(tmp_path).mask_token_id == 300
    own: Any = with_start(None, mask_token="[S]", unk_token="[X]")
    assert mask_token(own) == own.convert_tokens_to_ids("[S]")
