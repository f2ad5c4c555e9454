from __future__ import annotations

import hashlib

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.seeding import numpy_generator, stream_seed, torch_generator

NAMES = st.lists(st.one_of(st.text(st.characters(codec="utf-8"), max_size=8), st.integers(0, 99)), max_size=3)


def test_fixed_values_on_every_machine() -> None:
    digest = hashlib.blake2b(b"7/order/edges/3", digest_size=8).hexdigest()
    assert stream_seed(7, "order", "edges", 3) == int(digest, 16) >> 1


@given(st.integers(0, 2**40), NAMES)
def test_a_seed_is_a_63_bit_number(seed: int, names: list[str | int]) -> None:
    assert 0 <= stream_seed(seed, *names) < 2**63
    assert stream_seed(seed, *names) == stream_seed(seed, *names)


def test_streams_do_not_meet() -> None:
    seeds = {stream_seed(seed, *names) for seed in range(50) for names in ((), ("a",), ("b",), ("a", 0), ("a", 1))}
    assert len(seeds) == 250


def test_generators_start_from_the_stream_and_leave_the_global_ones_alone() -> None:
    state, other = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (torch.rand(4, generator=torch_generator(3, "data")) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(4, generator=torch_generator(3, "order")))
    assert (numpy_generator(3, "data").random(4) == numpy_generator(3, "data").random(4)).all()
    assert (numpy_generator(3, "data").random(4) != numpy_generator(4, "data").random(4)).all()
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == other).all()  # noqa: NPY002
