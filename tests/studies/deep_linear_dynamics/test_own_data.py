from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.studies.deep_linear_dynamics.own_data import check_source, read_correlation
from geomem.texts.bpe import train_bpe
from geomem.texts.tokens import tokenise
from tests.texts.samples import pages


def test_a_csv_of_items_with_names(tmp_path: Path) -> None:
    file = tmp_path / "animals.csv"
    file.write_text("name,wings,fins\nowl,1,0\ncod,0,1.5\neel,-1,2\n")
    found = read_correlation(str(file), 300)
    assert found.inputs == ("owl", "cod", "eel")
    assert found.outputs == ("wings", "fins")
    assert found.sigma_31.tolist() == [[1, 0, -1], [0, 1.5, 2]]


def test_a_csv_without_names_and_an_npy(tmp_path: Path) -> None:
    file = tmp_path / "plain.csv"
    file.write_text("a,b\n1,2\n3,4\n5,6\n")
    assert read_correlation(str(file), 300).inputs == ("item 1", "item 2", "item 3")
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 4], [5, 6]]))
    found = read_correlation(str(tmp_path / "x.npy"), 300)
    torch.testing.assert_close(found.sigma_31, read_correlation(str(file), 300).sigma_31)
    assert found.outputs == ("feature 1", "feature 2")


def test_a_text_by_a_plain_count(tmp_path: Path) -> None:
    file = tmp_path / "pages.txt"
    file.write_text(pages(4000), encoding="utf-8")
    found = read_correlation(str(file), 280)
    tokenizer = train_bpe([file.read_text(encoding="utf-8")], 280)
    tokens = tokenise([file.read_text(encoding="utf-8")], tokenizer).tolist()
    assert [word for word in found.outputs if " " in word or "\n" in word] == []
    assert found.outputs[tokenizer.encode("the a")[-1]].startswith("␣")
    pairs: dict[tuple[int, int], int] = {}
    for one, two in pairwise(tokens):
        pairs[one, two] = pairs.get((one, two), 0) + 1
    occurring = sorted({one for one, _ in pairs})
    assert found.sigma_31.shape == (280, len(occurring)) == (len(found.outputs), len(found.inputs))
    total = len(tokens) - 1
    share = {one: sum(count for (first, _), count in pairs.items() if first == one) / total for one in occurring}
    for (one, two), count in pairs.items():
        # E[y x^T] with x = one-hot / sqrt(share): pairs / total / sqrt(share).
        want = count / total / share[one] ** 0.5
        assert float(found.sigma_31[two, occurring.index(one)]) == pytest.approx(want, rel=1e-12)
    assert float(found.sigma_31.square().gt(0).sum()) == len(pairs)


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
        read_correlation(str(file), 300)
    if "all numbers" not in message:
        with pytest.raises(InputError, match=message):
            check_source(str(file))


def test_arrays_that_are_no_table_and_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.arange(3.0))
    with pytest.raises(InputError, match=r"items by features, got float64 of shape \(3,\)"):
        read_correlation(str(tmp_path / "flat.npy"), 300)
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as an array"):
        read_correlation(str(tmp_path / "objects.npy"), 300)


def test_an_unknown_text_is_found_before_the_run() -> None:
    check_source("novels")
    with pytest.raises(InputError, match="novels"):
        check_source("novles")
