from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.contexts.matrix import ContextMatrix
from geomem.objectives.hybrid import Hybrid
from geomem.objectives.next_token import NextToken
from geomem.objectives.teacherless import Teacherless
from tests.causal import Bag

WORDS = Alphabet(6)
TOKENS = torch.tensor([[5, 1, 2, 3], [5, 4, 0, 1]])
BATCH = Batch(TOKENS, torch.where(torch.arange(4) < 2, IGNORE, TOKENS), columns=2)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_it_is_the_mixture_of_both_losses(share: float) -> None:
    model = Bag(7).double()
    shown, hidden = NextToken(6)(model, BATCH).item(), Teacherless(WORDS)(model, BATCH).item()
    assert shown != hidden
    assert Hybrid(WORDS, share)(model, BATCH).item() == pytest.approx(share * shown + (1 - share) * hidden, rel=1e-12)


def test_its_limits_are_bit_for_bit() -> None:
    model = Bag(7)
    assert Hybrid(WORDS, 1.0)(model, BATCH).item() == NextToken(6)(model, BATCH).item()
    assert Hybrid(WORDS, 0.0)(model, BATCH).item() == Teacherless(WORDS)(model, BATCH).item()


def test_labels_are_the_same_and_the_batch_is_left_alone() -> None:
    before = BATCH.tokens.clone()
    Hybrid(WORDS)(Bag(7), BATCH)
    assert torch.equal(BATCH.tokens, before)


def test_a_single_target_is_next_token_prediction() -> None:
    contexts = ContextMatrix.from_pairs(TOKENS[:, :2], TOKENS[:, 2]).full()
    assert Hybrid(WORDS)(Bag(7), contexts).item() == NextToken(6)(Bag(7), contexts).item()
