from __future__ import annotations

import torch

from geomem.geometry.tokenwise import fit_affine_update
from geomem.geometry.tokenwise_mlp import fit_mlp, held_out_tokens
from tests.geometry.samples import normal
from tests.geometry.test_token_bank import bank_of


def test_a_bent_update_is_learned_better_than_by_an_affine_map() -> None:
    x, new = normal(800, 4), normal(200, 4, seed=1)

    def bent(rows: torch.Tensor) -> torch.Tensor:
        return 20 * rows + 20 * rows.abs()

    bank = bank_of(x.float() * 7 + 3, (x * 7 + 3 + bent(x)).float())
    tokens = bank_of(new.float() * 7 + 3, new.float(), first_window=80)
    truth = new * 7 + 3 + bent(new)
    network = float((fit_mlp(bank)(tokens) - truth).norm())
    affine = float((fit_affine_update(bank.entering, bank.leaving)(tokens.entering) - truth).norm())
    assert network < 0.4 * affine


def test_same_seed_same_map_whatever_the_global_state() -> None:
    bank = bank_of(normal(60, 4).float(), normal(60, 4, seed=1).float())
    torch.manual_seed(1)
    one = fit_mlp(bank, seed=3)(bank)
    torch.manual_seed(2)
    assert torch.equal(fit_mlp(bank, seed=3)(bank), one)
    assert not torch.equal(fit_mlp(bank, seed=4)(bank), one)


def test_a_block_that_does_nothing_stays_one() -> None:
    x = normal(60, 4).float()
    bank = bank_of(x, x)
    assert torch.allclose(fit_mlp(bank)(bank), x.double())


def test_training_stops_on_whole_windows() -> None:
    bank = bank_of(normal(200, 4), normal(200, 4), per_window=10)
    held = held_out_tokens(bank, 0)
    assert int(held.sum()) == 20
    assert len(bank.windows[held].unique()) == 2
    alone = bank_of(normal(30, 4), normal(30, 4), per_window=30)
    assert int(held_out_tokens(alone, 0).sum()) == 3
