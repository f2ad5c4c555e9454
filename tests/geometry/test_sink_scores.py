from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.sink_scores import (
    SinkRates,
    first_attention,
    sink_rates,
    sink_scores,
    uniform_first_attention,
    uniform_scores,
)
from geomem.geometry.vectors import wilson_interval
from geomem.geometry.windows import window_gram, window_means
from tests.geometry.samples import normal


def attention(sequences: int, heads: int, tokens: int, seed: int = 0) -> Tensor:
    """Random causal maps; head 0 gives position 0 about half of its attention in even sequences."""
    scores = normal(sequences, heads, tokens, tokens, seed=seed)
    scores[::2, 0, :, 0] += np.log(tokens)
    future = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def uniform(tokens: int) -> Tensor:
    return (torch.ones(1, 1, tokens, tokens).double().tril() / torch.arange(1, tokens + 1)[:, None]).expand(
        2, 3, -1, -1
    )


def test_scores_against_loops() -> None:
    maps = attention(2, 3, 12)
    found = sink_scores(maps)
    for b in range(2):
        for t in range(11):
            expected = np.mean([float(maps[b, h, q, t]) for h in range(3) for q in range(t + 1, 12)])
            assert float(found[b, t]) == pytest.approx(expected)
    assert bool(found[:, -1].isnan().all())


def test_uniform_attention_is_its_own_reference() -> None:
    maps = uniform(20)
    assert torch.allclose(sink_scores(maps)[0, :-1], uniform_scores(20)[:-1])
    assert first_attention(maps).flatten().tolist() == pytest.approx([uniform_first_attention(20)] * 6)
    assert float(sink_rates(maps).max()) == 0
    # The card's reference for windows of 64 tokens and queries from 8 on lies near 0.036.
    assert uniform_first_attention(64) == pytest.approx(0.036, abs=0.001)


def test_rate_is_the_share_of_sequences_over_epsilon() -> None:
    maps = attention(10, 3, 16)
    over = [[float(maps[b, h, 8:, 0].mean()) > 0.3 for b in range(10)] for h in range(3)]
    assert sink_rates(maps).tolist() == [np.mean(row) for row in over]
    assert sink_rates(maps)[0] == 0.5
    assert sink_rates(maps, epsilon=0.99).tolist() == [0, 0, 0]
    maps[:, :, :8, 0] = 1  # the first queries do not count
    assert sink_rates(maps).tolist() == [np.mean(row) for row in over]


def test_streaming_equals_exact_and_merges() -> None:
    maps = [attention(10, 3, 16, seed=seed) for seed in (0, 1)]
    shards = [SinkRates(3, 3), SinkRates(3, 3)]
    for place, part in enumerate((slice(0, 4), slice(4, 10))):
        for layer, whole in enumerate(maps):
            shards[place].update(layer, whole[part].float())
        shards[place].compute()
    shards[0].merge_state(shards[1])
    found = shards[0].compute()
    for layer, whole in enumerate(maps):
        exact = first_attention(whole)
        assert torch.equal(found["rate"].value[layer], sink_rates(whole))
        expected = window_means(window_gram(exact, torch.ones(10)))
        assert torch.allclose(found["attention"].value[layer], expected.value, rtol=1e-5)
        assert torch.allclose(found["attention"].low[layer], expected.low, rtol=1e-5)
        assert float(found["attention_layer"].value[layer]) == pytest.approx(float(exact.mean()), rel=1e-5)
        assert float(shards[0].reference()[layer]) == pytest.approx(uniform_first_attention(16))
    assert (found["rate"].at(0, 0).low, found["rate"].at(0, 0).high) == pytest.approx(wilson_interval(5, 10))
    # Layer 2 never came.
    assert bool(found["rate"].value[2].isnan().all())
    assert bool(found["attention"].value[2].isnan().all())


def test_interval_of_the_layer_knows_that_heads_share_a_sequence() -> None:
    shared = attention(12, 1, 16).expand(-1, 3, -1, -1)
    metric = SinkRates(1, 3)
    metric.update(0, shared)
    found = metric.compute()
    assert found["attention_layer"].at(0).high == pytest.approx(found["attention"].at(0, 1).high)


def test_windows_without_late_queries() -> None:
    with pytest.raises(InputError, match="more than 8 tokens, got 8"):
        first_attention(uniform(8))
