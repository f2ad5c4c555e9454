from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from geomem.runs.examples import ELSEWHERE, Example, Examples

GOOD: dict[str, Any] = {
    "title": "prompt 1",
    "verdict": "wrong arm",
    "right": False,
    "answer": ("a", "b"),
    "wrong": 1,
    "labels": ("a", "b"),
    "positions": [[0, 0], [1, 0]],
    "edges": [[0, 1]],
    "true_path": [0, 1],
    "path": [0, ELSEWHERE],
    "marked": [0],
}


def test_an_example_is_what_it_was_given():
    example = Example.model_validate(GOOD)
    assert example.edges == ((0, 1),)
    assert Examples(id="e", title="e", examples=(example,)).examples[0].path == (0, -1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [[0, 0]]}, r"positions must be \(2, 2\)"),
        ({"positions": [[0, 0], [1, 0, 2]]}, r"positions must be \(2, 2\)"),
        ({"edges": [[0, 1, 0]]}, "edges must be pairs"),
        ({"edges": [[0, 2]]}, r"edges names a node outside 0\.\.1"),
        ({"true_path": [-1]}, r"true_path names a node outside 0\.\.1"),
        ({"path": [-2]}, r"path names a node outside -1\.\.1"),
        ({"marked": [2]}, r"marked names a node outside 0\.\.1"),
        ({"wrong": 2}, "token 2 is outside an answer of 2"),
        ({"wrong": -1}, "greater than or equal to 0"),
        ({"labels": (), "positions": []}, "at least 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        Example.model_validate({**GOOD, **change})


def test_there_is_at_least_one_example():
    with pytest.raises(ValidationError):
        Examples(id="e", title="e", examples=())
