from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from geomem.contexts.build import ContextCounter
from geomem.contexts.files import (
    ABOUT,
    COUNTS,
    NAMES,
    TOKENIZER,
    is_saved,
    merge_contexts,
    open_contexts,
    save_contexts,
)
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.origin import Contexts, Origin, limit
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from tests.contexts.samples import assert_equal

DOCUMENT = st.lists(st.integers(0, 3), min_size=2, max_size=20)


def counted(documents: list[list[int]], length: int, *, prefixes: bool = True, vocabulary: int = 4) -> Contexts:
    counter = ContextCounter(vocabulary, length, prefixes=prefixes)
    for document in documents:
        counter.add_rows(np.array([document]))
    return Contexts(counter.matrix(), Origin(context=length, prefixes=prefixes))


@pytest.fixture
def story(tmp_path: Path) -> Contexts:
    file = tmp_path / "story.txt"
    file.write_text("the cat sat on the mat and the cat ran to the mat", encoding="utf-8")
    return text_contexts(file, TextSettings(context=2))


def test_a_saved_matrix_comes_back_to_the_bit(story: Contexts, tmp_path: Path):
    save_contexts(story, tmp_path / "saved")
    again = open_contexts(tmp_path / "saved")
    assert_equal(again.matrix, story.matrix)
    assert again.origin == story.origin
    assert again.tokenizer is not None
    assert story.tokenizer is not None
    assert again.tokenizer.get_vocab() == story.tokenizer.get_vocab()
    assert is_saved(tmp_path / "saved")
    assert not is_saved(tmp_path)


def test_masses_and_any_order_of_contexts_are_kept(tmp_path: Path):
    P = torch.tensor([[0.25, 1.0], [0.75, 0.0]], dtype=torch.float64)
    matrix = ContextMatrix.from_dense(P, torch.tensor([0.3, 0.7], dtype=torch.float64), torch.tensor([[1], [0]]))
    save_contexts(Contexts(matrix, Origin(context=1, about="by hand")), tmp_path / "saved")
    assert_equal(open_contexts(tmp_path / "saved").matrix, matrix)


def test_nothing_is_written_over(story: Contexts, tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        save_contexts(story, tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["mine"]


def _change(folder: Path, name: str, tensor: torch.Tensor) -> None:
    save_file({**load_file(folder / COUNTS), name: tensor}, folder / COUNTS)


def _truncate(folder: Path) -> None:
    data = (folder / COUNTS).read_bytes()
    (folder / COUNTS).write_bytes(data[: len(data) // 2])


def _edit(folder: Path, **changes: object) -> None:
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps({**about, **changes}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_truncate, "cannot be read"),
        (lambda folder: (folder / COUNTS).unlink(), "cannot be read"),
        (lambda folder: (folder / ABOUT).unlink(), "is missing"),
        (lambda folder: (folder / ABOUT).write_text("{"), "is damaged"),
        (lambda folder: (folder / ABOUT).write_text("[]"), "no mapping"),
        (lambda folder: _edit(folder, format=2), "has format 2, this version reads 1"),
        (lambda folder: _edit(folder, contxts=2), "contxts: unknown key"),
        (lambda folder: _edit(folder, contexts=2), "contexts should be"),
        (lambda folder: _edit(folder, vocabulary=2), "a token outside the vocabulary"),
        (lambda folder: _change(folder, "counts", torch.zeros(11, dtype=torch.float64)), "not positive"),
        (lambda folder: _change(folder, "counts", torch.ones(11)), "number format"),
        (lambda folder: _change(folder, "indptr", torch.zeros(11, dtype=torch.int64)), "indptr"),
        (lambda folder: (folder / TOKENIZER / "tokenizer.json").unlink(), "tokenizer"),
    ],
)
def test_a_damaged_matrix_is_one_line(story: Contexts, tmp_path: Path, damage, said: str):
    folder = tmp_path / "saved"
    save_contexts(story, folder)
    damage(folder)
    with pytest.raises(InputError, match=said) as caught:
        open_contexts(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_another_tokenizer_in_its_place_is_noticed(story: Contexts, tmp_path: Path):
    save_contexts(story, tmp_path / "saved")
    file = tmp_path / "saved" / TOKENIZER / "tokenizer.json"
    file.write_text(file.read_text().replace('"cat"', '"cow"'))
    with pytest.raises(InputError, match="is not the tokenizer the counts were made with"):
        open_contexts(tmp_path / "saved")


def test_a_folder_without_a_matrix_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="holds no context matrix"):
        open_contexts(tmp_path)


def test_a_name_too_long_for_the_disk_holds_nothing(story: Contexts, tmp_path: Path):
    name = tmp_path / ("a" * 300)
    with pytest.raises(InputError, match="holds no context matrix"):
        open_contexts(name)
    with pytest.raises(InputError, match="the name is too long"):
        save_contexts(story, name)


@settings(deadline=None)
@given(st.lists(st.lists(DOCUMENT, min_size=1, max_size=4), min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_merged_shards_are_one_pass(shards: list[list[list[int]]], length: int, prefixes: bool):
    shards = [[[*document, *[0] * length] for document in shard] for shard in shards]
    whole = counted([document for shard in shards for document in shard], length, prefixes=prefixes)
    parts = [counted(shard, length, prefixes=prefixes) for shard in shards]
    assert_equal(merge_contexts(parts).matrix, whole.matrix)
    assert_equal(merge_contexts(parts[::-1]).matrix, whole.matrix)


def test_merged_origins_hold_all_texts(story: Contexts):
    merged = merge_contexts([story, story])
    assert merged.origin.texts == story.origin.texts * 2
    assert merged.origin.without_context == 2
    assert merged.matrix.samples == 2 * story.matrix.samples
    assert torch.equal(merged.matrix.probs, story.matrix.probs)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (counted([[0, 1, 2]], 1), counted([[0, 1, 2]], 2), r"the length of their contexts \(1 and 2\)"),
        (counted([[0, 1]], 1), counted([[0, 1]], 1, vocabulary=5), "vocabularies have 4 and 5 tokens"),
        (counted([[0, 1]], 1), counted([[0, 1]], 1, prefixes=False), "whether contexts are whole prefixes"),
        (counted([[0, 1]], 1), limit(counted([[0, 1, 2, 0]], 1), most=1), "merge the whole ones, then limit"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(one: Contexts, other: Contexts, said: str):
    with pytest.raises(InputError, match=said):
        merge_contexts([one, other])


def test_matrices_of_different_tokenizers_are_refused(story: Contexts, tmp_path: Path):
    other = tmp_path / "other.txt"
    other.write_text("the dog sat on the log and the frog did not", encoding="utf-8")
    with pytest.raises(InputError, match="they differ in their tokenizer"):
        merge_contexts([story, text_contexts(other, TextSettings(context=2))])
    with pytest.raises(InputError, match="nothing to merge"):
        merge_contexts([])


def test_names_go_to_disk_and_back_and_must_agree(tmp_path: Path):
    named = replace(counted([[0, 1, 2, 3]], 1), names=("a", "b", "\u00e9", "d"))
    save_contexts(named, tmp_path / "saved")
    assert open_contexts(tmp_path / "saved").names == named.names
    assert merge_contexts([named, open_contexts(tmp_path / "saved")]).names == named.names
    with pytest.raises(InputError, match="their tokens have different names"):
        merge_contexts([named, replace(named, names=None)])


@pytest.mark.parametrize("text", ["[", '["a"]', "{}", "[1, 2, 3, 4]"])
def test_damaged_names_are_refused(tmp_path: Path, text: str):
    save_contexts(replace(counted([[0, 1, 2, 3]], 1), names=("a", "b", "c", "d")), tmp_path / "saved")
    (tmp_path / "saved" / NAMES).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="make the matrix again"):
        open_contexts(tmp_path / "saved")
