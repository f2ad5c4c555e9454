from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.errors import InputError
from geomem.objectives.next_token import NextToken
from geomem.objectives.specs import FirstTokenSpec, ReversedSpec
from tests.causal import Bag

TOKENS = torch.tensor([[5, 1, 2, 3, 4], [5, 4, 0, 1, 2]])
LABELS = torch.where(torch.arange(5) < 2, IGNORE, TOKENS)
WORDS = Alphabet(6)


@pytest.mark.parametrize("position", [1, 2, 3])
def test_one_label_is_left_and_what_follows_it_is_not_read(position: int) -> None:
    labels = torch.full_like(TOKENS, IGNORE)
    labels[:, position + 1] = TOKENS[:, position + 1]
    expected = NextToken(6)(Bag(6), Batch(TOKENS, labels)).item()
    objective = FirstTokenSpec(position=position).build(WORDS)
    assert objective(Bag(6), Batch(TOKENS, LABELS, columns=3)).item() == pytest.approx(expected, rel=1e-6)
    changed = TOKENS.clone()
    changed[:, position + 2 :] = 0
    other = Batch(changed, torch.where(torch.arange(5) < 2, IGNORE, changed), columns=3)
    assert objective(Bag(6), other).item() == objective(Bag(6), Batch(TOKENS, LABELS, columns=3)).item()


def test_the_decision_of_the_reversed_answer_is_its_last_but_one() -> None:
    """Wrappers take the batch one after the other: the outer one first."""
    objective = ReversedSpec(of=FirstTokenSpec(position=2)).build(WORDS)
    turned = torch.tensor([[5, 1, 4, 3], [5, 4, 2, 1]])
    labels = torch.where(torch.arange(4) < 3, IGNORE, turned)
    found = objective(Bag(6), Batch(TOKENS, LABELS, columns=3)).item()
    assert found == pytest.approx(NextToken(6)(Bag(6), Batch(turned, labels)).item(), rel=1e-6)


def test_a_position_behind_the_answer_is_one_line() -> None:
    objective = FirstTokenSpec(position=4).build(WORDS)
    with pytest.raises(InputError, match="position 4 is behind the end of answers of 3 tokens"):
        objective(Bag(6), Batch(TOKENS, LABELS, columns=3))
