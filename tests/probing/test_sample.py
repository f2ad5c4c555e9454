from __future__ import annotations

import pytest
import torch

from geomem.probing.sample import SampleStore
from geomem.probing.slab import Slab
from tests.probing import tiny


def _slab(number: int, layers: int = 2) -> Slab:
    plan = tiny.plan()
    tokens, targets, windows = plan.batch(number)
    states = [tokens[..., None].double() * (layer + 1) + torch.arange(3) for layer in range(layers)]
    return Slab(tokens, targets, windows, states, keep=tokens != tokens[0, 3])


def test_exactly_the_planned_tokens_are_kept_at_every_layer() -> None:
    plan = tiny.plan()
    store = SampleStore(plan.sample)
    for number in range(plan.batches):
        store.update(_slab(number))
    sample = store.sample()
    assert torch.equal(torch.stack([sample.windows, sample.places], 1), plan.sample)
    text = plan.windows.batch(plan.chosen)
    assert torch.equal(sample.tokens, text[sample.windows, sample.places])
    assert torch.equal(sample.targets, text[sample.windows, sample.places + 1])
    for layer, stream in enumerate(sample.streams):
        assert torch.equal(stream, sample.tokens[:, None].double() * (layer + 1) + torch.arange(3))
    assert len(sample.without_sinks()) == int(sample.kept.sum()) < len(sample)


def test_shards_in_any_order_give_the_same_sample() -> None:
    plan = tiny.plan()
    whole = SampleStore(plan.sample)
    for number in range(plan.batches):
        whole.update(_slab(number))
    late, early = SampleStore(plan.sample), SampleStore(plan.sample)
    for number in range(plan.batches):
        (late if number >= 3 else early).update(_slab(number))
    late.merge(early.state())
    one, two = whole.sample(), late.sample()
    assert all(torch.equal(a, b) for a, b in zip(one.streams, two.streams, strict=True))
    assert torch.equal(one.windows, two.windows)
    assert torch.equal(one.places, two.places)


def test_there_is_no_sample_before_the_first_slab() -> None:
    store = SampleStore(tiny.plan().sample)
    store.merge({})
    with pytest.raises(ValueError, match="no slab"):
        store.sample()
