from __future__ import annotations

import pytest
import torch

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.contexts.matrix import ContextMatrix
from geomem.objectives.next_token import NextToken
from geomem.objectives.teacherless import Teacherless
from tests.causal import Bag

FILLER = 6
TOKENS = torch.tensor([[5, 1, 2, 3], [5, 4, 0, 1]])
LABELS = torch.tensor([[IGNORE, IGNORE, 2, 3], [IGNORE, IGNORE, 0, 1]])


def test_hidden_inputs_equal_filling_them_in_by_hand():
    model = Bag(7).double()
    by_hand = torch.tensor([[5, 1, FILLER, FILLER], [5, 4, FILLER, FILLER]])
    expected = NextToken()(model, Batch(by_hand, LABELS))
    found = Teacherless(Alphabet(7, filler=FILLER))(model, Batch(TOKENS, LABELS, columns=2))
    assert found.item() == expected.item()
    assert found.item() != NextToken()(model, Batch(TOKENS, LABELS)).item()


def test_a_target_cannot_reach_the_model():
    model = Bag(7).double()
    loss = Teacherless(Alphabet(7, filler=FILLER))(model, Batch(TOKENS, LABELS, columns=2))
    loss.backward()
    grad = model.table.grad
    assert grad is not None
    # Tokens 0, 2, 3 stand in the batch as targets alone; 1 and 4 also in a prefix.
    assert grad[[0, 2, 3]].abs().max() == 0
    assert grad[[1, 4, 5, FILLER]].abs().amin(0).max() > 0


def test_a_single_target_is_next_token_prediction():
    model = Bag(7).double()
    labels = LABELS.clone()
    labels[:, 2] = IGNORE
    batch = Batch(TOKENS, labels)
    assert Teacherless(Alphabet(7, filler=FILLER))(model, batch).item() == NextToken()(model, batch).item()
    contexts = ContextMatrix.from_pairs(TOKENS[:, :2], TOKENS[:, 2]).full()
    assert Teacherless(Alphabet(7, filler=FILLER))(model, contexts).item() == NextToken()(model, contexts).item()


def test_a_task_without_filler_is_lent_one():
    objective = Teacherless(Alphabet(6))
    assert (objective.filler, objective.extra_tokens) == (6, 1)
    model = Bag(7).double()
    by_hand = torch.tensor([[5, 1, 6, 6], [5, 4, 6, 6]])
    logits = model(input_ids=by_hand[:, :-1]).logits[:, 1:, :6]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), LABELS[:, 2:].flatten())
    assert objective(model, Batch(TOKENS, LABELS)).item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_first_token_is_never_hidden():
    """A text labels every token; the first one has nothing before it and is given."""
    model = Bag(7).double()
    objective = Teacherless(Alphabet(7, filler=FILLER))
    objective(model, Batch(TOKENS, TOKENS)).backward()
    assert model.table.grad is not None
    assert model.table.grad[5].abs().max() > 0
