from __future__ import annotations

import torch

from geomem.outputs import first, replaced


def test_a_tensor_and_a_tuple_are_read_and_replaced_alike() -> None:
    one, two, rest = torch.zeros(2), torch.ones(2), object()
    assert first(one) is one
    assert first((one, rest)) is one
    assert replaced(one, two) is two
    assert replaced((one, rest), two) == (two, rest)
