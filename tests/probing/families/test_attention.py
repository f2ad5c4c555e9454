from __future__ import annotations

import pytest
import torch

from geomem.probing.families.attention import PLACES, Sinks
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_norm_ratios_and_the_map_of_first_places_are_those_of_hidden_states() -> None:
    model = tiny.gpt2()
    reader = tiny.read(tiny.reader(model))
    assert any(isinstance(one, Sinks) for one in reader.families)
    rows = Rows("tiny")
    reader.results(rows)
    norms = tiny.states(model, reader)[1].norm(dim=-1)  # after block 0
    ratios = norms / norms.median(1, keepdim=True).values
    places = rows.arrays["attention/places"]
    assert places.shape == (tiny.LAYERS, min(PLACES, tiny.CONTEXT))
    torch.testing.assert_close(places[0], ratios.mean(0), rtol=1e-4, atol=1e-5)
    assert rows.value("attention/windows_with_sink") == 0
    assert rows.value("attention/tokens_secondary") == 0


def test_rates_of_heads_are_kept_when_weights_are_read() -> None:
    rows = Rows("tiny")
    tiny.read(tiny.reader(settings=tiny.spec(attention=True))).results(rows)
    assert rows.arrays["attention/head_rates"].shape == (tiny.LAYERS, tiny.HEADS)
    heads = rows.arrays["attention/head_attention"]
    for layer in range(tiny.LAYERS):
        assert rows.value("attention/first_token", layer) == pytest.approx(float(heads[layer].mean()), rel=1e-5)
