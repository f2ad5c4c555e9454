from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.vectors import mean_interval, row_chunks, unit_rows, wilson_interval
from tests.geometry.samples import normal


def test_unit_rows_keep_zero_rows_and_the_input() -> None:
    table = normal(4, 3).float()
    table[2] = 0
    before = table.clone()
    unit = unit_rows(table)
    assert unit.dtype == torch.float64
    assert torch.allclose(unit.norm(dim=1), torch.tensor([1.0, 1.0, 0.0, 1.0], dtype=torch.float64))
    assert torch.equal(table, before)


@pytest.mark.parametrize(("rows", "width", "entries"), [(10, 3, 7), (1, 100, 7), (12, 1, 4), (0, 5, 5)])
def test_chunks_cover_every_row_once(rows: int, width: int, entries: int) -> None:
    parts = list(row_chunks(rows, width, entries))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    assert all((part.stop - part.start) * width <= entries or part.stop - part.start == 1 for part in parts)


def test_wilson_interval_against_scipy() -> None:
    from scipy.stats import binomtest

    for hits, trials in [(0, 10), (3, 10), (10, 10), (57, 250)]:
        expected = binomtest(hits, trials).proportion_ci(method="wilson")
        assert wilson_interval(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_mean_interval() -> None:
    values = normal(400)
    low, high = mean_interval(values)
    assert (low + high) / 2 == pytest.approx(float(values.mean()))
    assert high - low == pytest.approx(2 * 1.959964 * float(values.std()) / math.sqrt(400), rel=1e-6)
    assert mean_interval(torch.tensor([2.0])) == (2.0, 2.0)
