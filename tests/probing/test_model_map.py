from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.model_map import map_models, measure_model_map
from tests.interventions.models import gpt2_loop, random_tokens, tiny_gpt2, tiny_llama


@torch.no_grad()
def test_errors_against_scikit_learn() -> None:
    small, large = tiny_gpt2(layers=2, width=12), tiny_gpt2(layers=3, width=24, seed=1)
    train, test = random_tokens(30, 9), random_tokens(6, 9, seed=1)
    found = map_models(adapt(small), adapt(large), train, test, batch_tokens=50)
    assert found.sums.shape == (6, 3, 4)
    for layer in range(3):
        x, x_new = (gpt2_loop(small, tokens)[layer][:, 1:].flatten(0, 1).double().numpy() for tokens in (train, test))
        for target in range(4):
            y, y_new = (
                gpt2_loop(large, tokens)[target][:, 1:].flatten(0, 1).double().numpy() for tokens in (train, test)
            )
            predicted = Ridge(alpha=1e-2).fit(x, y).predict(x_new)
            errors = np.linalg.norm(predicted - y_new, axis=1) / np.linalg.norm(y_new, axis=1)
            assert float(found.errors[layer, target]) == pytest.approx(errors.mean(), rel=1e-3)


def test_a_model_maps_to_itself_layer_by_layer() -> None:
    adapter = adapt(tiny_llama(layers=3, width=24))
    rows = measure_model_map(adapter, adapter, random_tokens(60, 9), random_tokens(6, 9, seed=1))
    for layer in range(4):
        assert rows.value("map/best_source", layer) == layer
        assert rows.value("map/best_depth", layer) == pytest.approx(layer / 3)
        assert rows.value("map/error", layer) < 1e-3
    assert rows.value("map/monotone") == 1
    best = next(row for row in rows.rows if row.metric == "map/best_source")
    assert (best.low, best.high) == (0, 0)
    assert rows.arrays["map.errors"].shape == (4, 4)


def test_the_result_does_not_depend_on_memory_or_batches() -> None:
    source, target = adapt(tiny_gpt2(layers=2)), adapt(tiny_gpt2(layers=3, seed=1))
    train, test = random_tokens(30, 9), random_tokens(6, 9, seed=1)
    seen: list[tuple[int, int]] = []
    whole = map_models(source, target, train, test)
    small = map_models(source, target, train, test, held_bytes=1, batch_tokens=90, progress=lambda *d: seen.append(d))
    assert torch.allclose(whole.sums, small.sums, rtol=1e-3)
    assert seen == [(done, 12) for done in range(1, 13)]


def test_bad_input() -> None:
    adapter = adapt(tiny_gpt2())
    with pytest.raises(InputError, match="windows of at least 2 tokens"):
        map_models(adapter, adapter, random_tokens(3, 1), random_tokens(3, 1))
    with pytest.raises(InputError, match="token 55 is unknown to one of the models, which know 50 and 50"):
        map_models(adapter, adapter, random_tokens(3, 4), torch.full((3, 4), 55))
