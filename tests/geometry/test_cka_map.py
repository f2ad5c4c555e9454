from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry import cka_map
from geomem.geometry.cka import deal_batches, linear_cka, minibatch_cka, unbiased_cka, unbiased_hsics
from geomem.geometry.cka_map import LayerCKA, row_hsics
from tests.geometry.samples import normal, rotation

NAMES = ("layer 0", "layer 1", "layer 2")


def depth(count: int, seed: int = 0, widths: tuple[int, ...] = (6, 10, 7)) -> list[Tensor]:
    """Three layers of different widths, each made from the one before, far from the origin."""
    first = normal(count, widths[0], seed=seed)
    second = first @ normal(widths[0], widths[1]) + normal(count, widths[1], seed=seed + 1)
    third = second @ normal(widths[1], widths[2], seed=7) + normal(count, widths[2], seed=seed + 2)
    return [layer + 5 for layer in (first, second, third)]


@pytest.mark.parametrize(("count", "batch"), [(300, 300), (300, 64), (70, 8), (133, 128)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_pair_equals_the_exact_formula(count: int, batch: int, dtype: torch.dtype) -> None:
    layers = [layer.to(dtype) for layer in depth(count)]
    stream = LayerCKA(NAMES, batch=batch, seed=2)
    stream.update(layers)
    found = stream.compute()
    assert found.dtype == torch.float64
    assert torch.equal(found, found.T)
    for row, first in enumerate(layers):
        for column, second in enumerate(layers):
            exact = float(minibatch_cka(first, second, batch=batch, seed=2))
            close = 1e-5 if dtype == torch.float32 else 1e-10
            assert float(found[row, column]) == pytest.approx(exact, rel=close)
    if batch >= count:
        assert float(found[0, 1]) == pytest.approx(float(unbiased_cka(layers[0], layers[1])), rel=1e-5)


def test_windows_are_dealt_as_in_the_exact_formula() -> None:
    layers, windows = depth(150), torch.arange(150) // 9  # the last window is shorter
    stream = LayerCKA(NAMES)
    stream.update(layers, windows)
    assert float(stream.compute()[0, 2]) == pytest.approx(
        float(minibatch_cka(layers[0], layers[2], windows)), rel=1e-10
    )
    assert int(stream.left_out) == 0
    assert int(stream.rows.sum()) == 150


def test_shares_of_rows_add_up_to_hsic() -> None:
    layers = depth(48)
    shares = row_hsics(layers, 3)
    for number, rows in enumerate(torch.arange(48).split(16)):
        total = shares[rows].sum(0)
        cross, first, second = 16 * unbiased_hsics(layers[0][rows], layers[1][rows])
        assert torch.allclose(total[:2, :2], torch.stack([first, cross, cross, second]).reshape(2, 2), rtol=1e-9), (
            number
        )


def test_one_pass_and_four_shards_agree_whatever_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, windows = [layer.float() for layer in depth(1280)], torch.arange(1280) // 16
    whole = LayerCKA(NAMES)
    shards = [LayerCKA(NAMES) for _ in range(4)]
    updates = list(torch.arange(1280).split(160))  # ten windows each
    for rows in updates:
        whole.update([layer[rows] for layer in layers], windows[rows])
    monkeypatch.setattr(cka_map, "CHUNK", 40)
    for number, rows in enumerate(updates):
        shards[number % 4].update([layer[rows] for layer in layers], windows[rows])
    for shard in shards[1:]:
        shards[0].merge_state(shard)
    assert torch.allclose(shards[0].compute(), whole.compute(), rtol=1e-5)
    for found, expected in zip(shards[0].interval(), whole.interval(), strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_invariant_to_rotation_scale_shift_and_dead_units() -> None:
    layers = depth(200)
    turned = [-3 * layer @ rotation(layer.shape[1]) + 8 for layer in layers]
    turned[1] = torch.cat([turned[1], torch.full((200, 4), 0.1, dtype=torch.float64)], dim=1)
    first, second = LayerCKA(NAMES, batch=50), LayerCKA(NAMES, batch=50)
    first.update(layers)
    second.update(turned)
    assert torch.allclose(first.compute(), second.compute(), atol=1e-8)


def test_equal_layers_give_one_with_no_width_and_unrelated_ones_zero() -> None:
    x, noise = normal(2048, 32), normal(2048, 48, seed=1)
    stream = LayerCKA(NAMES)
    stream.update([x, 2 * x, noise])
    found, (low, high) = stream.compute(), stream.interval()
    assert torch.allclose(found[:2, :2], torch.ones(2, 2, dtype=torch.float64))
    assert torch.allclose(low[:2, :2], high[:2, :2], atol=1e-6)
    assert abs(float(found[0, 2])) < 0.01
    assert float(low[0, 2]) < 0 < float(high[0, 2])
    assert float(linear_cka(x[:256], noise[:256])) > 0.1  # the biased one is not at 0 for batches of this size


def test_intervals_hold_the_truth_when_windows_share_a_vector() -> None:
    mixing, numbers = normal(5, 5, seed=50), torch.arange(512) // 16
    z, e = normal(20000, 5, seed=51), normal(20000, 5, seed=52)
    truth = float(unbiased_cka(z, z @ mixing + 2 * e))
    hits, widths, values = 0, [], []
    for run in range(60):
        seeds = range(1000 + 10 * run, 1004 + 10 * run)
        own, shared = normal(512, 10, seed=seeds[0]), normal(32, 10, seed=seeds[1])
        z, e = ((own + shared[numbers]) / 2**0.5).split(5, dim=1)
        stream = LayerCKA(NAMES[:2], groups=32)
        stream.update([z, z @ mixing + 2 * e], numbers)
        low, high = (float(end[0, 1]) for end in stream.interval())
        hits += low <= truth <= high
        widths.append(high - low)
        values.append(float(stream.compute()[0, 1]))
    assert hits >= 53  # 57 expected; 53 or fewer in one run of 20
    # Taken over tokens instead of windows, they would be about a third of this.
    assert 0.8 < np.mean(widths) / (3.92 * np.std(values)) < 1.6
    assert abs(np.mean(values) - truth) < 0.03


def test_layers_that_do_not_vary_are_named_and_zero() -> None:
    x = normal(100, 4)
    single = torch.zeros(100, 3)
    single[7] = 1000.0
    stream = LayerCKA(("embedding", "block 1", "block 2"))
    stream.update([x.float(), torch.full((100, 3), 0.1), single])
    found = stream.compute()
    assert float(found[0, 0]) == pytest.approx(1)
    assert torch.equal(found[1:], torch.zeros(2, 3, dtype=torch.float64))
    assert stream.notes() == (
        "block 1: does not vary over the rows, so its CKA with any layer is 0",
        "block 2: does not vary over the rows, so its CKA with any layer is 0",
    )
    low, high = stream.interval()
    assert bool((low[1:] == 0).all())
    assert bool((high[1:] == 0).all())


def test_single_precision_neither_overflows_nor_underflows() -> None:
    x, y = (layer.float() for layer in depth(64)[:2])
    plain, extreme = LayerCKA(NAMES[:2]), LayerCKA(NAMES[:2])
    plain.update([x, y])
    extreme.update([x * 1e-14, y * 1e14])
    assert torch.allclose(plain.compute(), extreme.compute(), rtol=1e-5)


def test_a_massive_activation_does_not_hide_the_rest() -> None:
    x, y = depth(256, widths=(16, 16, 16))[:2]
    x[3], y[3] = x[3] * 300, y[3] * 300
    stream = LayerCKA(NAMES[:2])
    stream.update([x.float(), y.float()])
    assert float(stream.compute()[0, 1]) == pytest.approx(float(unbiased_cka(x, y)), rel=1e-4)


def test_rows_that_cannot_be_compared_are_counted_and_said() -> None:
    stream = LayerCKA(NAMES)
    stream.update(depth(3))
    stream.update(depth(30), torch.arange(30) // 10)
    assert bool(stream.compute().isnan().all())
    assert int(stream.left_out) == 33
    assert stream.notes() == (
        "CKA map: 33 rows are left out, because fewer than 4 windows of their update still had a row to compare",
    )


def test_one_group_of_windows_has_no_interval() -> None:
    stream = LayerCKA(NAMES, groups=1)
    stream.update(depth(50))
    assert bool(stream.compute().isfinite().all())
    assert bool(torch.stack(stream.interval()).isnan().all())


def test_bad_input() -> None:
    stream = LayerCKA(NAMES)
    with pytest.raises(InputError, match="made for 3 layers, got 2"):
        stream.update(depth(9)[:2])
    with pytest.raises(InputError, match="layer 2: 8 rows, but layer 0 has 9; give the same stimuli"):
        stream.update([*depth(9)[:2], depth(8)[2]])
    with pytest.raises(InputError, match="8 window numbers for 9 rows"):
        stream.update(depth(9), torch.arange(8))
    with pytest.raises(InputError, match="at least 4 rows a batch"):
        LayerCKA(NAMES, batch=2)
    broken = depth(20)
    broken[1][4, 2] = torch.nan
    with pytest.raises(InputError, match="layer 1: NaN or infinite values"):
        stream.update(broken)
    assert bool((stream.hsics == 0).all())


def test_the_deal_is_the_same_for_equal_updates() -> None:
    windows = torch.arange(60) // 6
    first, second = (deal_batches(60, windows + shift, 256, 0) for shift in (0, 10))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_layers_that_cannot_be_told_apart_are_kept_together() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(400, 8, generator=generator)
    noise = [torch.randn(400, 8, generator=generator) for _ in range(3)]
    same, near, far = base + 0.3 * noise[0], base + 0.3 * noise[1], base + 3.0 * noise[2]
    windows = torch.arange(400) // 4
    metric = LayerCKA(["base", "same", "near", "far"])
    metric.update([base, same, near, far], windows)
    assert metric.as_near(0, [1, 2, 3]) == [1, 2]
    cka = metric.compute()
    # The two differ by far less than either's own interval is wide, for they are judged on the same windows.
    assert abs(float(cka[0, 1] - cka[0, 2])) < 0.02
    assert float(cka[0, 3]) < 0.5
