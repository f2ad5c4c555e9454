"""The spectrum of a hierarchy against eigvalsh, a walk through the tree, and drawn features."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.tree_spectrum import level_contrasts, tree_covariance, tree_spectrum
from geomem.graphs.branching_diffusion import branching_features


def test_the_spectrum_of_the_card() -> None:
    found = tree_spectrum((2,) * 5, 0.1)
    expected = [6.5679, 3.1320, 2.1656, 1.4106, 0.8208, 0.3600]
    assert found.eigenvalues.tolist() == pytest.approx(expected, abs=5e-5)
    assert found.multiplicities.tolist() == [1, 1, 2, 4, 8, 16]
    assert found.singular_values(1000).tolist() == pytest.approx([math.sqrt(1000 * v) for v in expected], rel=1e-4)


trees = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(branching=trees, flip=st.floats(0, 0.5))
@settings(max_examples=40, deadline=None)
def test_eigenvalues_and_multiplicities_against_eigvalsh(branching: list[int], flip: float) -> None:
    found = tree_spectrum(branching, flip)
    expanded = torch.repeat_interleave(found.eigenvalues, found.multiplicities).sort().values
    exact = torch.linalg.eigvalsh(tree_covariance(branching, flip))
    torch.testing.assert_close(expanded, exact, rtol=0, atol=1e-10)
    if 0.01 < flip < 0.49:
        assert bool((torch.diff(found.eigenvalues) < 0).all())


def ancestors(leaf: int, branching: list[int]) -> list[int]:
    """Return the path of children from the root to a leaf."""
    path: list[int] = []
    for children in reversed(branching):
        leaf, child = divmod(leaf, children)
        path.insert(0, child)
    return path


@given(branching=trees, flip=st.floats(0, 0.5))
@settings(max_examples=20, deadline=None)
def test_the_covariance_is_that_of_nearest_common_ancestors(branching: list[int], flip: float) -> None:
    found = tree_covariance(branching, flip)
    count = math.prod(branching)
    assert found.shape == (count, count)
    for i in range(count):
        for j in range(count):
            one, two = ancestors(i, branching), ancestors(j, branching)
            level = next((k for k in range(len(branching)) if one[k] != two[k]), len(branching))
            edges = 2 * (len(branching) - level)
            assert float(found[i, j]) == pytest.approx((1 - 2 * flip) ** edges, abs=1e-14)


@given(branching=trees, flip=st.floats(0, 0.5))
@settings(max_examples=30, deadline=None)
def test_contrasts_are_an_orthonormal_eigenbasis(branching: list[int], flip: float) -> None:
    basis, levels = level_contrasts(branching)
    found = tree_spectrum(branching, flip)
    assert torch.equal(torch.bincount(levels, minlength=len(branching) + 1), found.multiplicities)
    torch.testing.assert_close(basis.T @ basis, torch.eye(len(basis), dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        tree_covariance(branching, flip) @ basis, basis * found.eigenvalues[levels], rtol=0, atol=1e-10
    )


def test_binary_contrasts_are_haar_wavelets() -> None:
    basis, levels = level_contrasts((2, 2))
    half, whole = 1 / math.sqrt(2), 0.5
    expected = [[whole, whole, half, 0], [whole, whole, -half, 0], [whole, -whole, 0, half], [whole, -whole, 0, -half]]
    torch.testing.assert_close(basis, torch.tensor(expected, dtype=torch.float64))
    assert levels.tolist() == [0, 1, 2, 2]


def test_drawn_features_have_this_spectrum() -> None:
    branching, features = (2,) * 5, 1000
    basis, levels = level_contrasts(branching)
    exact = tree_spectrum(branching, 0.1).eigenvalues
    shares = torch.zeros(6, dtype=torch.float64)
    for seed in range(10):
        table = torch.from_numpy(branching_features(branching, 0.1, features, seed))
        energy = (table @ basis).square().sum(0) / features
        shares += torch.zeros(6, dtype=torch.float64).index_add(0, levels, energy) / torch.bincount(levels) / 10
    assert float((shares / exact - 1).abs().max()) < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tree_spectrum((2, 2), 0.6), "flip"),
        (lambda: tree_spectrum((2, 2), -0.1), "flip"),
        (lambda: tree_covariance((), 0.1), "branching"),
        (lambda: level_contrasts((2, 0)), "branching"),
    ],
)
def test_mistakes_are_clear(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # pyright: ignore[reportCallIssue]
