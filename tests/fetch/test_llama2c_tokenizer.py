from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from geomem.errors import InputError
from geomem.fetch.llama2c_tokenizer import Pieces, build_tokenizer
from tests.fetch.samples import PIECES, pieces_bytes


def greedy(pieces: Pieces, text: str) -> list[int]:
    """Encode as the C program does: join the pair with the best score, the first of equals, until none is left."""
    ids: dict[str, int] = {}
    for index, piece in enumerate(pieces.texts):
        ids.setdefault(piece, index)
    found = [1, *([ids[" "]] if text else [])]
    for letter in text:
        found += [ids[letter]] if letter in ids else [byte + 3 for byte in letter.encode()]
    while True:
        best, place, joined = -1e10, -1, -1
        for index in range(len(found) - 1):
            token = ids.get(pieces.texts[found[index]] + pieces.texts[found[index + 1]])
            if token is not None and pieces.scores[token] > best:
                best, place, joined = pieces.scores[token], index, token
        if place < 0:
            return found
        found[place : place + 2] = [joined]


@cache
def small() -> tuple[Pieces, Any]:
    pieces = Pieces.read(*pieces_bytes())
    return pieces, build_tokenizer(pieces, 32)


def test_the_format() -> None:
    pieces, _ = small()
    assert pieces.texts[:5] == ("<unk>", "<s>", "</s>", "<0x00>", "<0x01>")
    assert pieces.texts[258:] == ("<0xFF>", *PIECES)
    assert pieces.scores[259 + PIECES.index("  ")] == pytest.approx(-1e9)


def test_merges_go_by_score() -> None:
    pieces, _ = small()
    scores = dict(zip(pieces.texts, pieces.scores, strict=True))
    joined = [scores[left + right] for left, right in pieces.merges]
    assert joined == sorted(joined, reverse=True)
    assert [pair for pair in pieces.merges if "".join(pair) == "abc"] == [("ab", "c"), ("a", "bc")]


@given(st.text(alphabet="abc eé東z\n▁😀", max_size=30))
@settings(deadline=None, max_examples=200)
@example("")
@example(" ")
@example("aaaaaaa")
@example("aaaaaaaaaaaabcaaab")
@example("      ab  ")
def test_encodings_are_those_of_the_c_program(text: str) -> None:
    pieces, tokenizer = small()
    assert tokenizer(text)["input_ids"] == greedy(pieces, text)


@given(st.text(alphabet="abc eé東z\n▁😀", max_size=30))
@settings(deadline=None, max_examples=30)
def test_text_comes_back(text: str) -> None:
    _, tokenizer = small()
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_two_texts_and_a_reopened_tokenizer(tmp_path: Path) -> None:
    _, tokenizer = small()
    assert tokenizer("ab", "c")["input_ids"] == tokenizer("ab")["input_ids"] + tokenizer("c")["input_ids"]
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again("aé  z")["input_ids"] == tokenizer("aé  z")["input_ids"]
    assert (again.bos_token, again.eos_token, again.unk_token) == ("<s>", "</s>", "<unk>")


def test_a_piece_that_is_there_twice_counts_once() -> None:
    data, count = pieces_bytes()
    twice = data + data[-8 - len("東".encode()) :]
    pieces = Pieces.read(twice, count + 1)
    assert build_tokenizer(pieces, 32)("東")["input_ids"] == greedy(pieces, "東")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it ends after piece 0 of 275"),
        (pieces_bytes()[0][:40], "it ends within piece 2 of 275"),
        (pieces_bytes()[0][:-1], "it ends within piece 274 of 275"),
        (pieces_bytes()[0].replace("東".encode(), b"\xff\xfe\xfd"), "piece 274 is not UTF-8"),
    ],
)
def test_what_is_no_tokenizer(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"^not a llama2.c tokenizer: {words}$"):
        Pieces.read(data, 275)
