from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError
from geomem.objectives.masked_diffusion import MaskedDiffusion
from geomem.objectives.next_token import NextToken
from tests.causal import Bag

MASK = 6
WORDS = Alphabet(7, filler=MASK)
TOKENS = torch.randint(0, MASK, (40, 21), generator=torch.Generator().manual_seed(0))


class Seen(nn.Module):
    """A model with given logits that remembers what it was shown."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits, self.shown = logits, torch.empty(0)

    def forward(self, input_ids: Tensor) -> SimpleNamespace:
        self.shown = input_ids
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, -1))


@pytest.fixture(autouse=True)
def _seeded() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def batch(**changes: Any) -> Batch:
    return replace(Batch(TOKENS, TOKENS, columns=20), **changes)


def test_masks_are_the_filler_and_the_rest_is_shown() -> None:
    model = Seen(torch.zeros(7))
    MaskedDiffusion(WORDS)(model, batch())
    masked = model.shown == MASK
    assert torch.equal(model.shown[~masked], TOKENS[~masked])
    assert not masked[:, 0].any(), "the first column never counts"
    assert masked.any(1).all(), "a sequence without a question"


def test_uniform_logits_cost_log_v_at_every_rate() -> None:
    for smallest in (0.05, 0.5, 1.0):
        loss = MaskedDiffusion(WORDS, smallest)(Seen(torch.full((7,), 2.5)), batch())
        assert loss.item() == pytest.approx(math.log(7), rel=1e-6)


def test_every_sequence_counts_alike_however_much_is_masked() -> None:
    """The weight 1 / t: the loss is the mean over sequences of the mean over their masked tokens."""
    table = torch.randn(7, generator=torch.Generator().manual_seed(1))
    model = Seen(table)
    loss = MaskedDiffusion(WORDS)(model, batch())
    masked = model.shown == MASK
    counts = masked.sum(1)
    assert counts.min() <= 3
    assert counts.max() >= 18
    each = F.cross_entropy(table.expand(*TOKENS.shape, -1).flatten(0, 1), TOKENS.flatten(), reduction="none")
    weighted = (each.view(TOKENS.shape) * masked * (20 / counts[:, None])).sum() / (40 * 20)
    assert loss.item() == pytest.approx(weighted.item(), rel=1e-5)
    plain = (each.view(TOKENS.shape) * masked).sum() / masked.sum()
    assert abs(loss.item() - plain.item()) > 1e-4


def test_rates_are_uniform_from_the_smallest_to_one() -> None:
    tokens = TOKENS[:1].expand(4000, -1)
    model = Seen(torch.zeros(7))
    MaskedDiffusion(WORDS, 0.25)(model, Batch(tokens, tokens, columns=20))
    counts = torch.bincount((model.shown == MASK).sum(1), minlength=21)
    # round(t 20), t ~ U(0.25, 1): 5 and 20 get half a share of the 15 that there are.
    assert counts[:5].sum() == 0
    expected = torch.tensor([0.5, *[1.0] * 14, 0.5]) / 15 * 4000
    assert ((counts[5:] - expected).abs() < 5 * expected.sqrt()).all()


def test_at_rate_one_it_is_the_loss_of_all_tokens_at_once() -> None:
    table = torch.randn(7, generator=torch.Generator().manual_seed(2))
    model = Seen(table)
    loss = MaskedDiffusion(WORDS, 1.0)(model, batch())
    assert (model.shown[:, 1:] == MASK).all()
    expected = F.cross_entropy(table.expand(800, -1), TOKENS[:, 1:].flatten())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_only_labelled_columns_are_masked() -> None:
    labels = torch.full_like(TOKENS, IGNORE)
    labels[:, 3:6] = TOKENS[:, 3:6]
    labels[::2, 4] = IGNORE
    model = Seen(torch.zeros(7))
    for columns in (None, torch.tensor([3, 4, 5])):
        MaskedDiffusion(WORDS, 0.5)(model, batch(labels=labels, columns=columns))
        masked = model.shown == MASK
        assert not (masked & (labels == IGNORE)).any()
        assert masked.any(1).all()


def test_a_sequence_without_a_label_has_no_part_in_it() -> None:
    labels = TOKENS.clone()
    labels[1] = IGNORE
    model = Seen(torch.zeros(7))
    loss = MaskedDiffusion(WORDS)(model, batch(labels=labels))
    assert torch.equal(model.shown[1], TOKENS[1])
    assert loss.item() == pytest.approx(math.log(7), rel=1e-6)


def test_draws_follow_the_global_generator() -> None:
    model = Bag(7)
    torch.manual_seed(5)
    first, second = (MaskedDiffusion(WORDS)(model, batch()).item() for _ in range(2))
    assert first != second
    torch.manual_seed(5)
    assert MaskedDiffusion(WORDS)(model, batch()).item() == first


def test_soft_contexts_are_next_token_prediction() -> None:
    contexts = ContextMatrix.from_pairs(TOKENS[:, :2], TOKENS[:, 2]).full()
    model = Bag(7)
    assert MaskedDiffusion(WORDS)(model, contexts).item() == NextToken()(model, contexts).item()


def test_a_task_without_a_mask_token_is_lent_one() -> None:
    objective = MaskedDiffusion(Alphabet(6))
    assert (objective.mask, objective.extra_tokens) == (6, 1)
    model = Seen(torch.zeros(7))
    # Six tokens may be the answer, the mask is none.
    assert objective(model, batch()).item() == pytest.approx(math.log(6), rel=1e-6)
    assert (model.shown == 6).any()


def test_a_model_that_sees_the_past_alone_is_refused_in_one_line() -> None:
    config = GPT2Config(vocab_size=7, n_positions=21, n_embd=8, n_layer=1, n_head=1)
    with pytest.raises(InputError, match=r"needs a model that looks ahead; set model\.causal=false") as caught:
        MaskedDiffusion(WORDS)(GPT2LMHeadModel(config), batch())
    assert "\n" not in str(caught.value)
