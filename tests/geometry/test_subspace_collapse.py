"""Collapse by support: against loops over pairs, and at its two limits."""

from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.subspace_collapse import subspace_collapse, support_groups
from tests.geometry.samples import normal


def test_against_loops() -> None:
    columns, groups = normal(5, 30), torch.arange(30) % 7
    unit = columns / columns.norm(dim=0)
    inside, across = [], []
    for i in range(30):
        for j in range(i):
            (inside if groups[i] == groups[j] else across).append(float(unit[:, i] @ unit[:, j]))
    found = subspace_collapse(columns, groups)
    assert found.within == pytest.approx(sum(inside) / len(inside))
    assert found.within_min == pytest.approx(min(inside))
    assert found.between == pytest.approx(sum(across) / len(across))
    assert found.between_max == pytest.approx(max(across))
    assert (found.groups, found.pairs) == (7, len(inside))
    near = far = 0.0
    for group in range(7):
        own = columns[:, groups == group]
        mean = own.mean(1, keepdim=True)
        near += float((own - mean).square().sum())
        far += own.shape[1] * float((mean[:, 0] - columns.mean(1)).square().sum())
    assert found.scatter_ratio == pytest.approx(near / far)


def test_collapsed_and_shuffled() -> None:
    groups = torch.arange(40) % 4
    directions = torch.linalg.qr(normal(6, 6))[0][:, :4]
    sizes = 1 + torch.rand(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = subspace_collapse(directions[:, groups] * sizes, groups)
    assert (found.within, found.within_min) == (pytest.approx(1), pytest.approx(1))
    assert (found.between, found.between_max) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert subspace_collapse(directions[:, groups], groups).scatter_ratio < 1e-25
    shuffled = subspace_collapse(normal(6, 4000), torch.arange(4000) % 4)
    assert abs(shuffled.within - shuffled.between) < 0.01
    assert shuffled.scatter_ratio > 100


def test_groups_are_equal_supports() -> None:
    support = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]], dtype=torch.bool)
    groups = support_groups(support)
    assert groups[0] == groups[2]
    assert len({int(group) for group in groups}) == 3


def test_nothing_to_compare_is_nan() -> None:
    alone = subspace_collapse(normal(3, 4), torch.arange(4))
    assert math.isnan(alone.within)
    assert math.isnan(alone.scatter_ratio)
    assert not math.isnan(alone.between)
    one = subspace_collapse(normal(3, 4), torch.zeros(4, dtype=torch.int64))
    assert math.isnan(one.between)
    assert math.isnan(one.scatter_ratio) or one.scatter_ratio > 1e20
    assert set(one.numbers()) == {"within", "within_min", "between", "between_max", "scatter_ratio"}
