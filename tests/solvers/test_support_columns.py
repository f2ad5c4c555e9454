"""The projection is exact: the conditions of optimality, a sorted closed form and a conic solver all say so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.solvers.support_columns import CHUNK, SupportColumns, support_rows
from tests.solvers.supports import random_support


def sample(tokens: int, contexts: int, seed: int, margin: float = 1.0) -> tuple[np.ndarray, SupportColumns, np.ndarray]:
    rows = support_rows(random_support(tokens, contexts, min(tokens - 1, 6), seed))
    generator = np.random.default_rng(seed)
    margins = margin * generator.uniform(0.5, 2.0, contexts)
    return rows, SupportColumns.from_rows(rows, margins), generator.normal(0, 2, rows.shape)


def by_sorting(y: np.ndarray, support: np.ndarray, margin: float) -> np.ndarray:
    """One row, another way: try every number of tight margins on the sorted entries."""
    inside, outside = y[support], np.sort(y[~support])[::-1]
    for tight in range(len(outside) + 1):
        level = (inside.sum() - len(inside) * margin + outside[:tight].sum()) / (len(inside) + tight)
        if (tight == 0 or outside[tight - 1] >= level) and (tight == len(outside) or outside[tight] <= level):
            return np.where(support, level + margin, np.minimum(y, level))
    raise AssertionError("no number of tight margins fits")


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 30.0]))
def test_projection_fulfils_the_conditions_of_optimality(tokens: int, contexts: int, seed: int, margin: float) -> None:
    rows, columns, table = sample(tokens, contexts, seed, margin)
    kept = table.copy()
    found = columns.project(table, np.zeros(contexts))
    assert np.array_equal(table, kept), "the argument is left as it was"
    levels = np.where(rows, -np.inf, found).max(1)
    inside = np.where(rows, found, np.inf).min(1)
    assert np.array_equal(inside, np.where(rows, found, -np.inf).max(1))
    assert (inside - levels >= columns.margins - 1e-12).all()
    multiplier = found - table
    assert np.abs(multiplier.sum(1)).max() < 1e-11 * max(1.0, margin) * tokens
    outside = np.where(rows, 0.0, multiplier)
    assert (outside <= 0).all()
    slack = inside[:, None] - columns.margins[:, None] - found
    assert np.abs(outside * slack).max() < 1e-10 * max(1.0, margin) ** 2


@pytest.mark.parametrize(("tokens", "contexts", "seed"), [(3, 5, 0), (9, 40, 1), (40, 25, 2)])
def test_projection_is_the_sorted_closed_form(tokens: int, contexts: int, seed: int) -> None:
    rows, columns, table = sample(tokens, contexts, seed)
    found = columns.project(table, np.full(contexts, 100.0))
    wanted = [by_sorting(y, s, t) for y, s, t in zip(table, rows, columns.margins, strict=True)]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_projection_is_what_a_conic_solver_finds() -> None:
    cp = pytest.importorskip("cvxpy", reason="the peer is in the extra [test]")
    rows, columns, table = sample(8, 6, 3)
    found = columns.project(table, np.zeros(6))
    for y, support, margin, ours in zip(table, rows, columns.margins, found, strict=True):
        x, level = cp.Variable(8), cp.Variable()
        constraints = [x[support] == level + margin, x[~support] <= level]
        cp.Problem(cp.Minimize(cp.sum_squares(x - y)), constraints).solve(solver="CLARABEL")
        np.testing.assert_allclose(ours, x.value, atol=1e-6)


def test_any_first_guess_gives_the_same_and_the_guess_becomes_the_level() -> None:
    rows, columns, table = sample(20, 30, 4)
    results = []
    for guess in (-1e3, 0.0, 1e3):
        levels = np.full(30, guess)
        results.append(columns.project(table, levels))
        np.testing.assert_allclose(levels, results[-1][rows][columns.starts[:-1]] - columns.margins, atol=1e-12)
    np.testing.assert_allclose(results[0], results[1], atol=1e-12)
    np.testing.assert_allclose(results[2], results[1], atol=1e-12)


def test_projection_works_in_chunks_and_in_single_precision() -> None:
    rows, columns, table = sample(300, CHUNK // 300 + 40, 5)
    found = columns.project(table, np.zeros(len(table)))
    last = SupportColumns.from_rows(rows[-50:], columns.margins[-50:])
    np.testing.assert_allclose(found[-50:], last.project(table[-50:].copy(), np.zeros(50)), atol=1e-12)
    single = columns.project(table.astype(np.float32), np.zeros(len(table), dtype=np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, atol=1e-4)


def test_centred_support_is_tight_and_centred() -> None:
    rows, columns, _ = sample(12, 30, 6)
    table = columns.centred()
    np.testing.assert_allclose(table.sum(1), 0, atol=1e-12)
    np.testing.assert_allclose(table, (rows - rows.mean(1, keepdims=True)) * columns.margins[:, None], atol=1e-14)
    np.testing.assert_allclose(columns.off_support_mass(table), np.where(rows, 0, table).sum(1), atol=1e-12)


def test_bad_supports_are_named() -> None:
    empty = torch.ones(4, 3, dtype=torch.bool)
    empty[:, 1] = False
    with pytest.raises(InputError, match="column 1 of the support is empty"):
        SupportColumns.from_rows(support_rows(empty), np.ones(3))
    with pytest.raises(InputError, match="other than 0 and 1"):
        support_rows(torch.rand(3, 3))
    with pytest.raises(InputError, match="shape \\(4,\\)"):
        support_rows(torch.ones(4))
    assert support_rows(torch.eye(3)).dtype == bool
