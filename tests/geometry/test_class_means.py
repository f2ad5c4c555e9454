from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.class_means import ClassMeans, ClassScatter, ClassTable, choose_classes, class_rows, class_table
from tests.geometry.samples import normal


def samples(count: int, classes: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (count,), generator=generator)
    return normal(classes, width, seed=seed + 1)[labels] + normal(count, width, seed=seed + 2), labels


def same(first: ClassTable, second: ClassTable, rtol: float) -> None:
    assert torch.equal(first.ids, second.ids)
    assert torch.equal(first.counts, second.counts)
    torch.testing.assert_close(first.means, second.means, rtol=rtol, atol=rtol)
    torch.testing.assert_close(first.variances, second.variances, rtol=rtol, atol=0)
    if first.covariance is not None and second.covariance is not None:
        scale = float(second.covariance.abs().max())
        torch.testing.assert_close(first.covariance, second.covariance, rtol=rtol, atol=rtol * scale)


def test_table_against_numpy() -> None:
    hidden, labels = samples(300, 8, 5)
    table = class_table(hidden, labels)
    assert table.ids.tolist() == list(range(8))
    h, y = hidden.numpy(), labels.numpy()
    within = np.zeros((5, 5))
    for row, label in enumerate(table.ids.tolist()):
        group = h[y == label]
        assert int(table.counts[row]) == len(group)
        np.testing.assert_allclose(table.means[row].numpy(), group.mean(0))
        assert float(table.variances[row]) == pytest.approx(group.var(0).sum())
        within += np.cov(group.T, bias=True) * len(group) / 300
    assert table.covariance is not None
    np.testing.assert_allclose(table.covariance.numpy(), within)
    # The global mean weighs classes alike, not tokens.
    centre = np.mean([h[y == c].mean(0) for c in range(8)], axis=0)
    np.testing.assert_allclose(table.centred.numpy(), table.means.numpy() - centre)


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_streaming_equals_exact(dtype: torch.dtype, rtol: float) -> None:
    hidden, labels = samples(500, 20, 6)
    hidden = hidden.to(dtype)
    ids = torch.tensor([17, 3, 4, 11, 0])
    expected = class_table(hidden, labels, ids)
    for kind in (ClassMeans, ClassScatter):
        metric = kind(ids, 6)
        for rows, marks in zip(hidden.split(77), labels.split(77), strict=True):
            metric.update(rows, marks)
        same(metric.table(), expected, rtol)
        assert torch.equal(metric.compute(), metric.table().means)
    assert expected.ids.tolist() == [17, 3, 4, 11, 0]


def test_many_chunks_equal_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, labels = samples(200, 5, 4)
    whole, cut = ClassScatter(torch.arange(5), 4), ClassScatter(torch.arange(5), 4)
    whole.update(hidden, labels)
    monkeypatch.setattr("geomem.geometry.class_means._CHUNK", 12)
    cut.update(hidden, labels)
    same(cut.table(), whole.table(), 1e-10)


@pytest.mark.parametrize("level", [1e2, 1e3, 1e4])
def test_variance_survives_massive_activations(level: float) -> None:
    """Every coordinate's mean is `level` times its spread, one coordinate's ten times that."""
    hidden, labels = samples(4000, 10, 16)
    hidden = hidden + level
    hidden[:, 3] += 9 * level
    scatter = ClassScatter(torch.arange(10), 16)
    for rows, marks in zip(hidden.split(500), labels.split(500), strict=True):
        scatter.update(rows, marks)
    expected = class_table(hidden, labels)
    # The bound of the module's docstring: 7e-6 at the worst level.
    rtol = 1e-14 * float((expected.means.square().sum(1) / expected.variances).max())
    assert rtol < 1e-5
    same(scatter.table(), expected, rtol)


def test_float32_with_a_large_mean_is_as_good_as_its_input() -> None:
    hidden, labels = samples(4000, 10, 16)
    single = (hidden + 1000).float()
    scatter = ClassScatter(torch.arange(10), 16)
    for rows, marks in zip(single.split(500), labels.split(500), strict=True):
        scatter.update(rows, marks)
    same(scatter.table(), class_table(single, labels), 1e-5)


def test_samples_all_alike_have_no_variance() -> None:
    hidden = normal(4, 6).repeat_interleave(50, dim=0).float() + 100
    metric = ClassMeans(torch.arange(4), 6)
    metric.update(hidden, torch.arange(4).repeat_interleave(50))
    assert float(metric.table().variances.min()) >= 0
    assert float(metric.table().variances.max()) < 1e-9
    assert float(class_table(hidden, torch.arange(4).repeat_interleave(50)).variances.max()) < 1e-24


@settings(deadline=None, max_examples=20)
@given(cut=st.integers(0, 120), order=st.randoms(use_true_random=False), shards=st.integers(1, 4))
def test_shards_in_any_order_merge_to_one_pass(cut: int, order: object, shards: int) -> None:
    hidden, labels = samples(120, 6, 3)
    ids = torch.arange(6)
    whole = ClassScatter(ids, 3, min_samples=1)
    whole.update(hidden, labels)
    pieces = [(cut * shard // shards, cut * (shard + 1) // shards) for shard in range(shards)] + [(cut, 120)]
    order.shuffle(pieces)  # type: ignore[attr-defined]
    merged = ClassScatter(ids, 3, min_samples=1)
    for start, stop in pieces:
        shard = ClassScatter(ids, 3, min_samples=1)
        shard.update(hidden[start:stop], labels[start:stop])
        merged.merge_state(copy.deepcopy(shard.metric_state))
    same(merged.table(), whole.table(), 1e-10)


def test_rare_classes_are_left_out_of_the_table_only() -> None:
    hidden, labels = normal(11, 2), torch.tensor([7] * 6 + [9] * 4 + [2])
    metric = ClassScatter(torch.tensor([2, 7, 9, 30]), 2)
    metric.update(hidden, labels)
    assert metric.table().ids.tolist() == [7]
    expected = class_table(hidden, labels)
    same(metric.table(), expected, 1e-10)
    assert class_table(hidden, labels, min_samples=4).ids.tolist() == [7, 9]
    merged = ClassScatter(torch.tensor([2, 7, 9, 30]), 2)
    merged.update(hidden[:3], labels[:3])
    assert len(merged.table().ids) == 0
    merged.update(hidden[3:], labels[3:])
    assert merged.table().ids.tolist() == [7]


def test_nothing_to_add_and_nothing_to_follow() -> None:
    metric = ClassScatter(torch.tensor([5, 6]), 3)
    metric.update(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    metric.update(normal(4, 3), torch.zeros(4, dtype=torch.int64))
    assert float(metric.count.sum()) == 0
    assert float(metric.products.abs().sum()) == 0
    assert metric.compute().shape == (0, 3)
    empty = ClassMeans(torch.zeros(0, dtype=torch.int64), 3)
    empty.update(normal(4, 3), torch.zeros(4, dtype=torch.int64))
    assert empty.compute().shape == (0, 3)


def test_half_precision_is_added_up_in_float64() -> None:
    hidden, labels = samples(400, 3, 4)
    half = hidden.to(torch.bfloat16)
    metric = ClassScatter(torch.arange(3), 4)
    metric.update(half, labels)
    same(metric.table(), class_table(half, labels), 1e-5)


def test_states_do_not_grow_and_updates_leave_their_input() -> None:
    hidden, labels = samples(100, 3, 4)
    before = hidden.clone()
    metric = ClassMeans(torch.arange(3), 4)
    sizes = []
    for _ in range(3):
        metric.update(hidden, labels)
        sizes.append(sum(state.numel() for state in metric.metric_state.values()))
    assert sizes == [3 + 12 + 3] * 3
    assert torch.equal(hidden, before)
    metric.reset()
    assert float(metric.count.sum()) == 0


def test_inference_mode_as_in_the_pass() -> None:
    metric = ClassScatter(torch.arange(3), 4)
    with torch.inference_mode():
        hidden, labels = samples(100, 3, 4)
        metric.update(hidden, labels)
    metric.update(*samples(100, 3, 4))
    assert int(metric.table().counts.sum()) == 200


def test_choice_of_classes() -> None:
    counts = torch.tensor([4, 9, 5, 0, 9, 100, 5])
    assert choose_classes(counts).tolist() == [1, 2, 4, 5, 6]
    assert choose_classes(counts, limit=2).tolist() == [1, 5]
    assert choose_classes(counts, limit=4).tolist() == [1, 2, 4, 5]
    assert choose_classes(counts, min_samples=50).tolist() == [5]
    assert choose_classes(counts, min_samples=101).tolist() == []


def test_rows_of_classes() -> None:
    ids = torch.tensor([40, 2, 7])
    assert class_rows(torch.tensor([7, 7, 2, 40, 3, 99, 0]), ids).tolist() == [2, 2, 1, 0, -1, -1, -1]
    assert class_rows(torch.tensor([1, 2]), ids[:0]).tolist() == [-1, -1]


def test_a_class_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="3 ids were given but only 2 of them differ"):
        ClassMeans(torch.tensor([1, 4, 1]), 3)
