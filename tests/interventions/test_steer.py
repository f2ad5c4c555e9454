from __future__ import annotations

import pytest
import torch
from torch import nn

from geomem.errors import InputError
from geomem.interventions.steer import add_to_output, rescale_aligned, rescale_output
from tests.interventions.models import random_tokens, tiny_gpt2

ROWS = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))


def test_a_vector_added_then_taken_away_again_changes_nothing_after() -> None:
    module = nn.Identity()
    vector = torch.arange(8.0)
    with add_to_output(module, vector, slice(2, 4)):
        added = module(ROWS)
        with add_to_output(module, -vector, slice(2, 4)):
            assert torch.allclose(module(ROWS), ROWS, atol=1e-6)
    assert torch.equal(added[:, 2:4], ROWS[:, 2:4] + vector)
    assert torch.equal(added[:, :2], ROWS[:, :2])


def test_a_norm_is_set_and_the_direction_kept() -> None:
    module = nn.Identity()
    mask = torch.zeros(2, 6, dtype=torch.bool)
    mask[1, 5] = mask[0, 0] = True
    with rescale_output(module, 100.0, mask):
        found = module(ROWS)
    assert torch.allclose(found[mask].norm(dim=-1), torch.full((2,), 100.0))
    assert torch.allclose(torch.cosine_similarity(found, ROWS, dim=-1), torch.ones(2, 6))
    assert torch.equal(found[~mask], ROWS[~mask])
    with rescale_output(module, 5.0):
        assert not bool(module(torch.zeros(1, 3, 8)).any())


def test_only_tokens_along_the_direction_are_rescaled_and_the_first_are_left_alone() -> None:
    module = nn.Identity()
    direction = torch.zeros(8)
    direction[3] = 2.0
    rows = ROWS.clone()
    rows[0, 1] = rows[0, 4] = 7 * direction
    rows[1, 4] = -direction
    rows[1, 5] = direction
    rows[1, 5, 0] = 0.5  # cosine 0.970
    with rescale_aligned(module, direction, 100.0):
        found = module(rows)
    expected = rows.clone()
    expected[0, 4] = 50 * direction
    assert torch.allclose(found, expected)
    with rescale_aligned(module, direction, 100.0, cosine=0.96, intact=0):
        found = module(rows)
    changed = (found != rows).any(-1).nonzero().tolist()
    assert changed == [[0, 1], [0, 4], [1, 5]]
    with pytest.raises(InputError, match="direction: is zero"):
        rescale_aligned(module, torch.zeros(8), 1.0)


@torch.no_grad()
def test_a_larger_mlp_output_changes_later_tokens_only() -> None:
    model, tokens = tiny_gpt2(), random_tokens()
    before = model(tokens).logits
    with rescale_output(model.transformer.h[1].mlp, 50.0, slice(5, 6)):
        after = model(tokens).logits
    assert torch.allclose(before[:, :5], after[:, :5], atol=1e-5)
    assert bool(((before - after).abs().amax(-1) > 1e-3)[:, 5:].all())
