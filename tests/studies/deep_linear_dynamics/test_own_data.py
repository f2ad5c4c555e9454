from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from geomem.contexts.files import save_contexts
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.studies.deep_linear_dynamics.own_data import check_source, read_correlation
from tests.texts.samples import pages


def test_a_csv_of_items_with_names(tmp_path: Path) -> None:
    file = tmp_path / "animals.csv"
    file.write_text("name,wings,fins\nowl,1,0\ncod,0,1.5\neel,-1,2\n")
    found = read_correlation(str(file), 50, 50)
    assert found.inputs == ("owl", "cod", "eel")
    assert found.outputs == ("wings", "fins")
    assert found.sigma_31.tolist() == [[1, 0, -1], [0, 1.5, 2]]


def test_a_csv_without_names_and_an_npy(tmp_path: Path) -> None:
    file = tmp_path / "plain.csv"
    file.write_text("a,b\n1,2\n3,4\n5,6\n")
    assert read_correlation(str(file), 50, 50).inputs == ("item 1", "item 2", "item 3")
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 4], [5, 6]]))
    found = read_correlation(str(tmp_path / "x.npy"), 50, 50)
    torch.testing.assert_close(found.sigma_31, read_correlation(str(file), 50, 50).sigma_31)
    assert found.outputs == ("feature 1", "feature 2")


def test_a_text_by_a_plain_count(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text("the cat saw the dog . the dog saw a bird . a bird saw the cat .", encoding="utf-8")
    found = read_correlation(str(file), 50, 50)
    words = file.read_text(encoding="utf-8").split()
    pairs = Counter(pairwise(words))
    before = Counter(words[:-1])
    assert set(found.inputs) == set(before)
    assert set(found.outputs) == set(words[1:])
    expected = torch.zeros(len(found.outputs), len(found.inputs), dtype=torch.float64)
    for (one, two), count in pairs.items():
        # E[y x^T] with x = one-hot / sqrt(share).
        share = before[one] / (len(words) - 1)
        expected[found.outputs.index(two), found.inputs.index(one)] = count / (len(words) - 1) / share**0.5
    torch.testing.assert_close(found.sigma_31, expected)


def test_the_most_frequent_contexts_of_a_saved_matrix(tmp_path: Path) -> None:
    file = tmp_path / "pages.txt"
    file.write_text(pages(4000), encoding="utf-8")
    contexts = text_contexts(file, TextSettings(context=2, tokenizer="bpe", vocabulary=280))
    save_contexts(contexts, tmp_path / "saved")
    check_source(str(tmp_path / "saved"))
    found = read_correlation(str(tmp_path / "saved"), 50, 20)
    assert found.sigma_31.shape[1] == len(found.inputs) == 20
    # Columns of P diag(sqrt(pi)): a column sums to sqrt(pi).
    assert float(found.sigma_31.sum(0).square().sum()) == pytest.approx(1)
    assert not any(" " in word or "\n" in word for word in (*found.inputs, *found.outputs))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "x,y\n", "only a header"),
        ("a.csv", "x\nowl\n", "no column of numbers"),
        ("a.csv", "n,x,y\nowl,1,2\ncod,1,many\n", "line 3: 'many' in column 'y' is no number"),
        ("a.csv", "x,y\n1,nan\n", "row 1, column 2 is not a finite number"),
        ("a.csv", "x,y\n0,0\n", "all numbers are 0"),
        ("a.npy", "no array", "cannot be read as an array"),
        ("missing.csv", None, "no such file"),
    ],
)
def test_mistakes_are_clear(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=message):
        read_correlation(str(file), 50, 50)
    if "all numbers" not in message:
        with pytest.raises(InputError, match=message):
            check_source(str(file))


def test_arrays_that_are_no_table_and_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.arange(3.0))
    with pytest.raises(InputError, match=r"items by features, got float64 of shape \(3,\)"):
        read_correlation(str(tmp_path / "flat.npy"), 50, 50)
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as an array"):
        read_correlation(str(tmp_path / "objects.npy"), 50, 50)


def test_an_unknown_text_is_found_before_the_run() -> None:
    check_source("novels")
    with pytest.raises(InputError, match="novels"):
        check_source("novles")
