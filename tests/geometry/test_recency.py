from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.geometry.recency import (
    RECENCY_NAMES,
    SimilarityRecency,
    influence_difference,
    influence_recency,
    recency_keep,
    recency_scalars,
    total_variation,
)
from tests.geometry.samples import normal, rotation


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


@pytest.mark.parametrize(("near", "far"), [(1, 3), (2, 5)])
def test_against_loops_with_a_mask(near: int, far: int) -> None:
    states, keep = normal(3, 9, 6) + 2, normal(3, 9, seed=1) > -0.3
    found = recency_scalars(states, keep=keep, near=near, far=far)
    kept = recency_keep(keep, near, far)
    assert set(found) == set(RECENCY_NAMES)
    for b in range(3):
        rows = states[b].numpy()
        centred = rows - rows[keep[b].numpy()].mean(0)
        for t in range(far, 9):
            assert bool(kept[b, t - far]) == bool(keep[b, t] and keep[b, t - near] and keep[b, t - far])
            for kind, table in (("raw", rows), ("centred", centred)):
                one, two = cosine(table[t], table[t - near]), cosine(table[t], table[t - far])
                assert float(found[f"{kind}_near"][b, t - far]) == pytest.approx(one)
                assert float(found[f"{kind}_far"][b, t - far]) == pytest.approx(two)
                assert float(found[kind][b, t - far]) == pytest.approx(one - two)


def test_a_given_centre_is_subtracted() -> None:
    states, centre = normal(2, 20, 6), normal(6, seed=1)
    found = recency_scalars(states, centre=centre)
    expected = recency_scalars(states - centre)
    assert torch.allclose(
        found["centred_near"],
        torch.cosine_similarity(*(x[:, 16:] for x in (states - centre, shift(states - centre))), -1),
    )
    assert not torch.allclose(found["centred"], expected["centred"])


def shift(states: torch.Tensor) -> torch.Tensor:
    return states.roll(1, dims=1)


def test_a_random_walk_is_recent_and_shuffled_tokens_are_not() -> None:
    walk = normal(30, 200, 16).cumsum(1)
    shuffled = walk.gather(1, normal(30, 200, seed=1).argsort(1)[..., None].expand_as(walk))
    metrics = [SimilarityRecency(1), SimilarityRecency(1)]
    for metric, states in zip(metrics, (walk, shuffled), strict=True):
        metric.update({name: values[None] for name, values in recency_scalars(states).items()})
    walked, control = (metric.compute()["centred"].at(0) for metric in metrics)
    assert walked.low > 0.1
    assert control.low < 0 < control.high


def test_large_common_part_keeps_the_digits_of_the_centred_cosine() -> None:
    states = normal(2, 40, 64).float() + 100
    found, exact = recency_scalars(states), recency_scalars(states.double())
    for name in RECENCY_NAMES:
        assert torch.allclose(found[name].double(), exact[name], atol=1e-5)
    assert float(found["raw_near"].min()) > 0.999


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0.1, 100))
def test_rotation_and_scale_change_nothing_and_shifts_only_the_raw_ones(seed: int, factor: float) -> None:
    states = normal(2, 18, 5, seed=seed)
    one, two = recency_scalars(states), recency_scalars(factor * states @ rotation(5, seed))
    moved = recency_scalars(states + 3)
    assert all(torch.allclose(one[name], two[name]) for name in RECENCY_NAMES)
    assert torch.allclose(one["centred"], moved["centred"])
    assert not torch.allclose(one["raw_near"], moved["raw_near"])


def test_streaming_equals_exact_and_merges() -> None:
    layers, keep = normal(3, 5, 30, 8), normal(5, 30, seed=1) > -1.5
    exact = [recency_scalars(states, keep=keep) for states in layers]
    shards = [SimilarityRecency(3), SimilarityRecency(3)]
    for place, windows in enumerate((slice(0, 2), slice(2, 5))):
        parts = [recency_scalars(states[windows].float(), keep=keep[windows]) for states in layers]
        stacked = {name: torch.stack([part[name] for part in parts]) for name in RECENCY_NAMES}
        shards[place].update(stacked, recency_keep(keep[windows]))
    shards[0].merge_state(shards[1])
    for name, found in shards[0].compute().items():
        expected = torch.stack([part[name][recency_keep(keep)].mean() for part in exact])
        assert torch.allclose(found.value, expected, rtol=1e-5, atol=1e-6)


def test_total_variation_against_the_definition() -> None:
    same = normal(3, 4)
    assert float(total_variation(same, same + 2).max()) == pytest.approx(0, abs=1e-12)
    apart = torch.tensor([[0.0, -100.0]]).double()
    assert float(total_variation(apart, apart.flip(1))) == pytest.approx(1)
    p, q = torch.tensor([[0.5, 0.25, 0.25]]).double(), torch.tensor([[0.25, 0.5, 0.25]]).double()
    assert float(total_variation(p.log(), q.log())) == pytest.approx(0.25)


def test_influence_ratio_and_difference_with_intervals() -> None:
    near = 0.4 + 0.02 * normal(50)
    far = 0.1 + 0.02 * normal(50, seed=1)
    found = influence_recency(near, far)
    assert found.value == pytest.approx(float(near.mean() / far.mean()))
    # Linearised standard error of a ratio of independent means.
    error = found.value * float((near.var() / near.mean() ** 2 / 50 + far.var() / far.mean() ** 2 / 50).sqrt())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    flat = (torch.ones(20).double() + 0.1 * normal(20, seed=2), torch.ones(20).double() + 0.1 * normal(20, seed=3))
    assert influence_recency(*flat).low < 1 < influence_recency(*flat).high
    apart = influence_difference((near, far), flat)
    assert apart.value == pytest.approx(found.value - float(flat[0].mean() / flat[1].mean()))
    assert 0 < apart.low < apart.value < apart.high
    assert influence_difference((near, far), (near, far)).low < 0


@pytest.mark.parametrize(
    ("tokens", "near", "far", "message"),
    [(16, 1, 16, "more than 16 tokens to look 16 back, got 16"), (40, 4, 4, "1 <= near < far, got 4 and 4")],
)
def test_bad_windows_and_lags(tokens: int, near: int, far: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recency_scalars(normal(1, tokens, 3), near=near, far=far)
