from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.errors import InputError, RunError, clear_size_errors, nearest, unknown_name

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


@pytest.mark.parametrize("size", [10**13, 2**62])
def test_what_does_not_fit_into_memory_is_one_line(size: int) -> None:
    for make in (torch.arange, np.random.default_rng(0).random):
        with pytest.raises(InputError, match=r"^out of memory \(.*\); smaller sizes") as caught, clear_size_errors():
            make(size)
        assert "\n" not in str(caught.value)


def test_other_errors_are_as_they_were() -> None:
    for error in (
        RuntimeError("shapes differ"),
        ValueError("odd"),
        RunError("no room on the disk"),
        KeyError("memory"),
    ):
        with pytest.raises(type(error)) as caught, clear_size_errors():
            raise error
        assert caught.value is error
