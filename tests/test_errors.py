from __future__ import annotations

import pytest

from geomem.errors import InputError, RunError, nearest, unknown_name

KNOWN = ["transformer", "mamba", "tiny-nn", "Node2Vec"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("transfomer", "transformer"),
        ("MAMBA", "mamba"),
        ("tiny_nn", "tiny-nn"),
        ("node2vec", "Node2Vec"),
        ("zzzz", None),
    ],
)
def test_the_nearest_name(typed: str, expected: str | None) -> None:
    assert nearest(typed, KNOWN) == expected
    assert nearest(typed, iter(KNOWN)) == expected
    assert nearest(typed, []) is None


def test_an_unknown_name_comes_with_the_nearest_or_with_all() -> None:
    assert str(unknown_name("model", "mambo", KNOWN)) == "unknown model 'mambo'; did you mean 'mamba'?"
    assert str(unknown_name("model", "zzzz", KNOWN)) == (
        "unknown model 'zzzz'; choose from: Node2Vec, mamba, tiny-nn, transformer"
    )


def test_a_run_error_is_bad_input_too() -> None:
    assert issubclass(RunError, InputError)
    assert issubclass(InputError, ValueError)
