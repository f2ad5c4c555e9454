from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

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
