from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.token_bank import TokenBank, require_tokens
from tests.geometry.samples import normal


def bank_of(entering: Tensor, leaving: Tensor, *, per_window: int = 10, first_window: int = 0) -> TokenBank:
    """A bank with token ids 0, 1, 2, ... and windows of `per_window` tokens."""
    places = torch.arange(len(entering))
    return TokenBank(entering, leaving, places, first_window + places // per_window)


def test_updates_and_their_permutation() -> None:
    bank = bank_of(normal(30, 4), normal(30, 4, seed=1))
    assert torch.equal(bank.updates, bank.leaving - bank.entering)
    dealt = bank.permuted(3)
    assert torch.equal(dealt.entering, bank.entering)
    moved = torch.cdist(dealt.updates, bank.updates).argmin(1)
    assert torch.allclose(dealt.updates, bank.updates[moved])
    assert sorted(moved.tolist()) == list(range(30))
    assert moved.tolist() != list(range(30))
    assert torch.equal(bank.permuted(3).leaving, dealt.leaving)
    assert not torch.equal(bank.permuted(4).leaving, dealt.leaving)


def test_too_few_tokens() -> None:
    bank = bank_of(normal(3, 4), normal(3, 4))
    require_tokens(bank, 3, "this")
    with pytest.raises(InputError, match="tokenwise: this needs a bank of at least 4 tokens, got 3"):
        require_tokens(bank, 4, "this")
