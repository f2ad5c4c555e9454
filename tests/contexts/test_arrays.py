from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from geomem.contexts import arrays
from geomem.contexts.arrays import array_contexts, open_array
from geomem.contexts.files import open_contexts, save_contexts
from geomem.contexts.texts import TextSettings
from geomem.errors import InputError
from tests.contexts.samples import assert_equal, count_by_hand, pairs_of

STREAM = np.random.default_rng(0).integers(0, 7, 500)


def saved(folder: Path, array: Any, name: str = "tokens.npy", tensor: str = "tokens") -> Path:
    file = folder / name
    if file.suffix == ".npy":
        np.save(file, array)
    else:
        save_file({tensor: array}, file)
    return file


@pytest.mark.parametrize("name", ["tokens.npy", "tokens.safetensors", "TOKENS.NPY"])
@pytest.mark.parametrize("dtype", ["<i8", "<i4", "<u2", "u1"])
def test_a_stream_is_counted_whatever_holds_it(tmp_path: Path, name: str, dtype: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrays, "PIECE", 64)
    file = tmp_path / name
    if file.suffix.lower() == ".npy":
        with file.open("wb") as out:
            np.save(out, STREAM.astype(dtype))
    else:
        save_file({"ids": STREAM.astype(dtype)}, file)
    found = array_contexts(file, TextSettings(context=2))
    assert pairs_of(found.matrix) == count_by_hand([STREAM.tolist()], 2)
    (origin,) = found.origin.arrays
    assert (origin.name, origin.rows, origin.tokens, origin.max_tokens) == (str(file), None, len(STREAM), None)
    assert origin.sha256 == hashlib.sha256(STREAM.astype("<i8").tobytes()).hexdigest()
    assert (found.matrix.vocabulary, found.tokenizer, found.origin.texts) == (int(STREAM.max()) + 1, None, ())
    assert found.origin.without_context == 1  # the second token has one before it, and two are a context


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(2, 9), st.integers(1, 60), st.integers(1, 40), st.booleans())
def test_rows_are_documents_and_a_limit_is_kept(rows: int, columns: int, most: int, piece: int, whole: bool):
    import tempfile

    array = np.random.default_rng(rows * columns).integers(0, 3, (rows, columns))
    left = rows * columns if whole else min(most, rows * columns)
    documents = [row for row in (array[i, : max(0, left - i * columns)].tolist() for i in range(rows)) if row]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "PIECE", piece)
        file = saved(Path(folder), np.asfortranarray(array))
        asked = TextSettings(context=1, max_tokens=None if whole else most)
        if min(left, columns) < 2:
            with pytest.raises(InputError, match=r"1 token\(s\) are too few for a context of 1"):
                array_contexts(file, asked)
            return
        found = array_contexts(file, asked)
    assert pairs_of(found.matrix) == count_by_hand(documents, 1)
    (origin,) = found.origin.arrays
    assert (origin.rows, origin.tokens, origin.max_tokens) == (len(documents), left, None if whole else most)


def test_prefixes_a_given_vocabulary_limits_and_the_way_to_disk(tmp_path: Path):
    file = saved(tmp_path, STREAM.reshape(50, 10), "many.safetensors")
    found = array_contexts(file, TextSettings(context="full", window=5, vocabulary=11), most=3)
    by_hand = count_by_hand(STREAM.reshape(50, 10).tolist(), 4, prefixes=True)
    assert found.matrix.vocabulary == 11
    assert len(found.matrix) == 3
    assert pairs_of(found.matrix).items() <= by_hand.items()
    save_contexts(found, tmp_path / "saved")
    again = open_contexts(tmp_path / "saved")
    assert_equal(again.matrix, found.matrix)
    assert again.origin == found.origin


def test_of_several_tensors_the_one_called_tokens_or_the_only_one_of_integers_is_taken(tmp_path: Path):
    scores = np.ones(4, np.float32)
    save_file({"other": STREAM[:9], "tokens": STREAM, "scores": scores}, tmp_path / "a.safetensors")
    save_file({"ids": STREAM, "scores": scores}, tmp_path / "b.safetensors")
    assert open_array(tmp_path / "a.safetensors").shape == open_array(tmp_path / "b.safetensors").shape == (500,)


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrays, "PIECE", 200)
    heard: list[tuple[str, int, int]] = []
    array_contexts(saved(tmp_path, STREAM), told=lambda stage, done, total: heard.append((stage, done, total)))
    assert heard == [("reading", 200, 0), ("reading", 400, 0), ("reading", 500, 0),
                     ("contexts", 200, 500), ("contexts", 400, 500), ("contexts", 500, 500)]  # fmt: skip


def test_what_is_no_token_array_is_one_line(tmp_path: Path):
    (tmp_path / "junk.npy").write_bytes(b"junk")
    (tmp_path / "junk.safetensors").write_bytes(b"\x08")
    np.savez(tmp_path / "zip.npz", STREAM)
    (tmp_path / "zip.npz").rename(tmp_path / "zip.npy")
    save_file({"a": STREAM, "b": STREAM}, tmp_path / "two.safetensors")
    save_file({"a": np.ones(3, np.float32)}, tmp_path / "float.safetensors")
    np.save(tmp_path / "whole.npy", STREAM)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:300])
    cases = {
        "none.npy": (None, "no such file"),
        "junk.npy": (None, "cannot be read as an array of numbers"),
        "zip.npy": (None, "cannot be read as an array of numbers"),
        "cut.npy": (None, "cannot be read as an array of numbers"),
        "junk.safetensors": (None, "cannot be read"),
        "two.safetensors": (None, "one called 'tokens'; it holds a, b"),
        "float.safetensors": (None, "it holds a, none of them integers"),
        "object.npy": (np.array([{1}], object), "Python objects"),
        "float.npy": (np.ones(9), "integers, got float64"),
        "bool.npy": (np.ones(9, bool), "integers, got bool"),
        "cube.npy": (np.ones((2, 2, 2), int), "got (2, 2, 2)"),
        "point.npy": (np.array(3), "got ()"),
        "empty.npy": (np.ones((0,), int), "holds no token"),
        "flat.npy": (np.ones((3, 0), int), "holds no token"),
        "pad.npy": (np.array([[1, 2, -100]]), "-100 is no token id"),
        "huge.npy": (np.array([1, 2**63], np.uint64), f"{2**63} is too large"),
        "short.npy": (np.array([1, 2, 3]), "3 token(s) are too few for a context of 5"),
    }
    for name, (array, said) in cases.items():
        if array is not None:
            np.save(tmp_path / name, array)
        with pytest.raises(InputError) as caught:
            array_contexts(tmp_path / name)
        assert said in str(caught.value), name
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (TextSettings(tokenizer="words"), "a tokenizer belongs to a text"),
        (TextSettings(vocabulary=4), "token 6 is outside the vocabulary of 4"),
        (TextSettings(max_tokens=0), "max_tokens: at least 1, got 0"),
        (TextSettings(max_tokens=3), "3 token(s) are too few for a context of 5"),
        (TextSettings(window=3), "belongs to the context 'full'"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(tmp_path: Path, asked: TextSettings, said: str):
    with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
        array_contexts(saved(tmp_path, STREAM), asked)
