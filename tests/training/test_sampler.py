from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.errors import InputError
from geomem.tasks.streams import ENDLESS
from geomem.training.sampler import Sampler


@given(size=st.integers(1, 40), batch=st.integers(1, 50), seed=st.integers(0, 5))
def test_every_example_comes_once_an_epoch(size: int, batch: int, seed: int) -> None:
    sampler = Sampler(size, batch, seed, "edges")
    if sampler.full:
        assert torch.equal(sampler.indices(7), torch.arange(size))
        return
    steps = 3 * size
    seen = torch.cat([sampler.indices(step) for step in range(steps)])
    assert len(seen) == steps * batch
    for epoch in seen[: 3 * batch * size].split(size):
        if len(epoch) == size:
            assert torch.equal(epoch.sort().values, torch.arange(size))


def test_a_step_does_not_depend_on_the_steps_before() -> None:
    asked_in_order = Sampler(100, 7, 0, "edges")
    order = [asked_in_order.indices(step) for step in range(50)]
    for step in (49, 3, 20):
        assert torch.equal(Sampler(100, 7, 0, "edges").indices(step), order[step])


def test_seed_and_stream_decide_the_order() -> None:
    base = Sampler(100, 50, 0, "edges").indices(0)
    assert not torch.equal(base, Sampler(100, 50, 1, "edges").indices(0))
    assert not torch.equal(base, Sampler(100, 50, 0, "paths").indices(0))


def test_an_endless_stream_is_taken_once_in_order() -> None:
    sampler = Sampler(ENDLESS, 4, 0, "paths")
    assert not sampler.full
    assert torch.cat([sampler.indices(step) for step in range(3)]).tolist() == list(range(12))
    assert sampler.indices(10**15).tolist() == [4 * 10**15 + k for k in range(4)]
    assert Sampler(ENDLESS, 3, 0, "paths", used=12).indices(1).tolist() == [15, 16, 17]
    # A finite stream is shuffled anew in every stage, whatever came before.
    assert torch.equal(Sampler(10, 3, 0, "paths", used=7).indices(1), Sampler(10, 3, 0, "paths").indices(1))


def test_an_endless_stream_needs_a_batch_size() -> None:
    with pytest.raises(InputError, match="stream 'paths' has no end; give its batch size"):
        Sampler(ENDLESS, None, 0, "paths")
