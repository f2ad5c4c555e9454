from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.paired import centred, centred_pair
from tests.geometry.samples import normal


def test_centring_is_exact_and_leaves_the_input_alone() -> None:
    rows = normal(9, 4).float() + 100
    before = rows.clone()
    moved = centred(rows, "x")
    assert moved.dtype == torch.float64
    assert float(moved.mean(0).abs().max()) < 1e-12
    assert torch.equal(rows, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1234.567])
def test_a_constant_is_zero_not_rounding(dtype: torch.dtype, value: float) -> None:
    assert int(centred(torch.full((1001, 3), value, dtype=dtype), "x").count_nonzero()) == 0


def test_small_variance_is_kept() -> None:
    assert int(centred(normal(9, 4) * 1e-4 + 1, "x").count_nonzero()) == 36
    assert int(centred(normal(9, 4) * 1e-30, "x").count_nonzero()) == 36


def test_bad_input() -> None:
    with pytest.raises(InputError, match="same stimuli, got 9 and 8 rows"):
        centred_pair(normal(9, 4), normal(8, 4))
    with pytest.raises(InputError, match="at least 4 stimuli"):
        centred_pair(normal(3, 4), normal(3, 4), least=4)
    broken = normal(9, 4)
    broken[2, 1], broken[5] = torch.nan, torch.inf
    with pytest.raises(InputError, match="second representation: 2 of 9 rows hold NaN or infinite"):
        centred_pair(normal(9, 4), broken)
