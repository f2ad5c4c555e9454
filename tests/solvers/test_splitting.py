"""The splitting reaches the same optimum from bad penalties and through float32, and is honest when stopped."""

from __future__ import annotations

import numpy as np
import pytest

from geomem.solvers import splitting
from geomem.solvers.short_side import ShortSide
from geomem.solvers.splitting import split
from geomem.solvers.support_columns import SupportColumns, support_rows
from tests.solvers.supports import random_support, subsets


def problem(tokens: int, contexts: int, seed: int = 0) -> SupportColumns:
    return SupportColumns.from_rows(support_rows(random_support(tokens, contexts, 4, seed)), np.ones(contexts))


def test_certified_start_is_returned_at_once() -> None:
    columns = SupportColumns.from_rows(support_rows(subsets(6, 3)), np.ones(20))
    found = split(columns, 1e-9, 100)
    assert found.iterations == 0
    np.testing.assert_array_equal(found.table, columns.centred())
    assert found.primal == pytest.approx(5 * np.sqrt(6), rel=1e-12)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_bad_penalty_is_set_right(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    columns = problem(20, 60)
    usual = split(columns, 1e-7, 1000)
    rule = splitting._Iteration.__init__

    def spoiled(self: splitting._Iteration, *arguments: object) -> None:
        rule(self, *arguments)  # pyright: ignore
        self.state = arguments[1] + arguments[2] / (factor * self.penalty)  # pyright: ignore
        self.penalty *= factor

    monkeypatch.setattr(splitting._Iteration, "__init__", spoiled)
    found = split(columns, 1e-7, 1000)
    assert found.gap <= 1e-7
    assert found.primal == pytest.approx(usual.primal, rel=2e-7)
    assert found.iterations < 4 * usual.iterations
    monkeypatch.setattr(splitting._Iteration, "_rebalance", lambda *_: False)
    assert split(columns, 1e-7, 4 * usual.iterations).gap > 1e-5, "without the rule the penalty matters"


def test_single_precision_only_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = problem(30, 90)
    usual = split(columns, 1e-7, 1000)
    monkeypatch.setattr(splitting, "SINGLE", 1)
    found = split(columns, 1e-7, 1000)
    assert found.gap <= 1e-7
    assert found.primal == pytest.approx(usual.primal, rel=2e-7)
    stopped = split(columns, 1e-7, 10)  # still in float32
    assert stopped.iterations == 10
    inside = stopped.table.reshape(-1)[columns._places(0, 90)]
    outside = stopped.table.copy()
    outside.reshape(-1)[columns._places(0, 90)] = -np.inf
    assert (inside[columns.starts[:-1]] - outside.max(1)).min() >= 1 - 1e-12
    assert np.abs(stopped.certificate.sum(1)).max() < 1e-12
    assert stopped.bound <= usual.primal


def test_every_stop_gives_a_bound_below_and_a_value_above() -> None:
    columns = problem(12, 40, seed=3)
    optimum = split(columns, 1e-8, 5000)
    for iterations in (0, 1, 2, 3, 7, 20):
        found = split(columns, 1e-8, iterations)
        assert found.bound <= optimum.primal * (1 + 1e-12)
        assert found.primal >= optimum.bound * (1 - 1e-12)


def test_polishing_improves_a_certificate_and_stays_in_the_cone() -> None:
    columns = problem(30, 90)
    iteration = splitting._Iteration(columns, columns.centred(), ShortSide(columns.centred()).polar(columns.centred()),
                                     split(columns, 0.5, 0))  # fmt: skip
    for step in range(1, 15):
        reflected = iteration._reflect()
        projected = columns.project(reflected, iteration.levels)
        look = iteration._look(projected, reflected, 1e-9)
        iteration._step(projected, reflected, step)
    assert look.plain == look.gap, "not polished, being far from its goal"
    polished = splitting._polish(columns, look.multiplier)
    assert look.bound < iteration._bound(polished) <= look.primal
    assert np.abs(polished.sum(1)).max() < 1e-12
    polished.reshape(-1)[columns._places(0, 90)] = 0
    assert polished.max() <= 0


def test_progress_is_told() -> None:
    seen: list[tuple[int, float, float]] = []
    found = split(problem(20, 60), 1e-6, 1000, lambda *event: seen.append(event))
    assert [event[0] for event in seen] == sorted({event[0] for event in seen})
    assert seen[-1][0] == found.iterations
    assert seen[-1][1:] == pytest.approx((found.primal, found.bound), rel=1e-6)
    assert all(bound <= primal for _, primal, bound in seen)


def test_an_answer_that_looked_good_enough_is_judged_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the quick look says, what is returned has been measured, and iterating on does not touch it."""
    honest = splitting._Iteration._look

    def hopeful(*arguments: object) -> splitting._Look:
        look = honest(*arguments)  # pyright: ignore
        return splitting._Look(look.primal, look.primal, 0.0, look.multiplier)

    monkeypatch.setattr(splitting._Iteration, "_look", hopeful)
    found = split(problem(20, 60), 1e-7, 1000)
    assert 0 <= found.gap <= 1e-7
    assert np.linalg.svd(found.table, compute_uv=False).sum() == pytest.approx(found.primal, rel=1e-12)
    columns = problem(20, 60)
    short = split(columns, 1e-7, 12)
    assert np.linalg.svd(short.table, compute_uv=False).sum() == pytest.approx(short.primal, rel=1e-12)
    np.testing.assert_allclose(columns.project(short.table.copy(), np.zeros(60)), short.table, atol=1e-12)
