from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.geometry.class_agreement import ClassAgreement, clustered_wilson
from geomem.geometry.class_means import ClassTable, class_table
from geomem.geometry.vectors import wilson_interval
from tests.geometry.samples import normal, rotation


def world(classes: int = 12, width: int = 6, tokens: int = 400) -> tuple[ClassTable, Tensor, Tensor, Tensor]:
    """A table, classifier rows that know something of it, new tokens and their labels."""
    centres = normal(classes, width, seed=1)
    labels = torch.arange(tokens) % classes
    table = class_table(centres[labels] + normal(tokens, width, seed=2), labels)
    rows = centres + 0.5 * normal(classes, width, seed=3)
    return table, rows, centres[labels] + normal(tokens, width, seed=4), labels


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_decisions_against_plain_distances(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    table, rows, hidden, _ = world()
    hidden, bias = hidden.to(dtype), normal(12, seed=5)
    metric = ClassAgreement(table, rows, bias)
    metric.update(hidden)
    nearest = torch.cdist(hidden.double(), table.means).argmin(1)
    linear = (hidden.double() @ rows.T + bias).argmax(1)
    found = metric.decide(hidden)
    assert torch.equal(found[0], nearest)
    assert torch.equal(found[1], linear)
    share = float((nearest == linear).double().mean())
    assert 0.2 < share < 0.9
    assert float(metric.compute()) == pytest.approx(share)
    estimate = metric.agreement()
    assert estimate.value == pytest.approx(share)
    # Without windows, tokens are independent: the plain Wilson interval.
    assert estimate.interval == pytest.approx(wilson_interval(round(share * 400), 400))
    frequencies = [torch.bincount(side, minlength=12).double() / 400 for side in (nearest, linear)]
    assert estimate.chance == pytest.approx(float(frequencies[0] @ frequencies[1]))
    monkeypatch.setattr("geomem.geometry.class_agreement.row_chunks", lambda n, _: [slice(0, 7), slice(7, n)])
    assert torch.equal(metric.decide(hidden)[0], nearest)


def test_large_common_mean_in_float32() -> None:
    """Distances are compared after centring, so that a common vector of 1000 costs no decision."""
    table, rows, hidden, _ = world()
    shifted = class_table(torch.zeros(1, 6).double(), torch.zeros(1, dtype=torch.int64), min_samples=1)
    shifted = ClassTable(table.ids, table.counts, table.means + 1000, table.variances)
    plain, far = ClassAgreement(table, rows), ClassAgreement(shifted, rows)
    same = plain.decide(hidden)[0] == far.decide((hidden + 1000).float())[0]
    assert float(same.double().mean()) > 0.99


def test_a_constant_vector_needs_the_bias_to_follow() -> None:
    table, rows, hidden, _ = world()
    constant = 10 * normal(1, 6, seed=9)[0]
    moved = ClassTable(table.ids, table.counts, table.means + constant, table.variances)
    values = []
    for place, bias, shift in ((table, None, 0), (moved, -(rows @ constant), constant), (moved, None, constant)):
        metric = ClassAgreement(place, rows, bias)
        metric.update(hidden + shift)
        values.append(float(metric.compute()))
    assert values[0] == values[1]
    assert values[2] < values[0]


def test_rotation_and_order_of_classes_do_not_matter() -> None:
    table, rows, hidden, _ = world()
    turn, order = rotation(6, seed=7), torch.randperm(12, generator=torch.Generator().manual_seed(0))
    turned = ClassTable(
        table.ids[order], table.counts[order], table.means[order] @ turn, table.variances[order]
    )  # fmt: skip
    one, two = ClassAgreement(table, rows), ClassAgreement(turned, rows[order] @ turn)
    one.update(hidden)
    two.update(hidden @ turn)
    assert one.agreement().value == two.agreement().value
    assert one.agreement().chance == pytest.approx(two.agreement().chance)


def test_choices_over_the_whole_vocabulary() -> None:
    table, rows, hidden, labels = world()
    wide = ClassTable(table.ids + 50, table.counts, table.means, table.variances)
    metric = ClassAgreement(wide, rows)
    assert metric.vocabulary() is None
    choices = torch.where(torch.arange(400) < 300, labels + 50, 7)
    metric.update(hidden[:200], choices=choices[:200])
    metric.update(hidden[200:], choices=choices[200:])
    nearest = torch.cdist(hidden, table.means).argmin(1)
    expected = float(((nearest == labels) & (torch.arange(400) < 300)).double().mean())
    own = metric.vocabulary()
    assert own is not None
    assert own.value == pytest.approx(expected)
    frequencies = torch.bincount(nearest, minlength=12).double() / 400
    assert own.chance == pytest.approx(float((frequencies * torch.bincount(labels[:300], minlength=12)).sum() / 400))


def test_shards_merge() -> None:
    table, rows, hidden, labels = world()
    windows = torch.arange(400) // 20
    whole = ClassAgreement(table, rows)
    whole.update(hidden, windows, labels)
    shards = [ClassAgreement(table, rows) for _ in range(2)]
    for place, start in enumerate(range(0, 400, 100)):
        part = slice(start, start + 100)
        shards[place % 2].update(hidden[part], windows[part], labels[part])
    shards[0].merge_state(copy.deepcopy(shards[1].metric_state))
    assert shards[0].agreement() == whole.agreement()
    assert shards[0].vocabulary() == whole.vocabulary()


def test_windows_that_go_together_widen_the_interval() -> None:
    table, rows, hidden, _ = world()
    nearest, linear = ClassAgreement(table, rows).decide(hidden)
    windows = torch.arange(400) // 20
    together = (nearest == linear).long().argsort(stable=True)
    mixed, sorted_ = ClassAgreement(table, rows), ClassAgreement(table, rows)
    mixed.update(hidden, windows)
    sorted_.update(hidden[together], windows)
    assert mixed.agreement().value == sorted_.agreement().value
    widths = [high - low for low, high in (m.agreement().interval or (0, 0) for m in (mixed, sorted_))]
    assert widths[1] > 3 * widths[0]
    # Windows that agree within themselves count once each.
    assert sorted_.agreement().interval == pytest.approx(
        wilson_interval(20 * sorted_.agreement().value, 20), abs=0.05
    )  # fmt: skip


def test_clustered_interval_covers() -> None:
    """Windows of 30 tokens whose rates differ: nominal coverage of the mean rate within simulation error."""
    generator = np.random.default_rng(0)
    inside = plain = 0
    for _ in range(400):
        rates = generator.beta(2, 6, size=40)
        sizes = generator.integers(10, 50, size=40).astype(float)
        hits = generator.binomial(sizes.astype(int), rates).astype(float)
        parts = [np.ones(40), sizes, hits, sizes**2, sizes * hits, hits**2]
        low, high = clustered_wilson(torch.tensor([part.sum() for part in parts], dtype=torch.float64))
        inside += low <= 0.25 <= high
        low, high = wilson_interval(hits.sum(), int(sizes.sum()))
        plain += low <= 0.25 <= high
    assert 0.91 < inside / 400 < 0.985
    assert plain / 400 < 0.7


def test_windows_that_do_not_differ_count_once_each() -> None:
    certain = torch.tensor([10.0, 300, 300, 9000, 9000, 9000], dtype=torch.float64)
    assert clustered_wilson(certain) == pytest.approx(wilson_interval(10, 10))
    one = torch.tensor([1.0, 30, 12, 900, 360, 144], dtype=torch.float64)
    assert clustered_wilson(one) == pytest.approx(wilson_interval(0.4, 1))
    assert clustered_wilson(torch.zeros(6, dtype=torch.float64)) == (0.0, 1.0)


def test_before_the_first_token() -> None:
    table, rows, hidden, _ = world()
    metric = ClassAgreement(table, rows)
    assert math.isnan(metric.agreement().value)
    assert metric.agreement().interval is None
    metric.update(hidden[:0], torch.zeros(0, dtype=torch.int64))
    assert math.isnan(metric.agreement().value)


def test_perfect_simplex_agrees_everywhere() -> None:
    corners = torch.eye(8, dtype=torch.float64) - 1 / 8
    labels = torch.arange(8).repeat(5)
    table = class_table(corners[labels], labels)
    metric = ClassAgreement(table, corners)
    metric.update(corners[labels] + 0.01 * normal(40, 8))
    assert float(metric.compute()) == 1
    assert metric.agreement().chance == pytest.approx(1 / 8)
