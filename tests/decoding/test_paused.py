from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from geomem.batch import IGNORE, Batch, answer_batch
from geomem.decoding.paused import Paused, insert_pauses
from geomem.decoding.reader import Autoregressive, OneShot, Reversed
from geomem.decoding.sampling import Sampling
from tests.causal import Bag, Rule

PROMPTS = torch.tensor([[1, 2], [3, 4], [5, 6]])
ANSWERS = torch.tensor([[2, 3, 4], [3, 4, 5], [4, 5, 6]])
PAUSE = 9


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 6))
def test_the_sequence_is_prompt_pauses_answer(prompt: int, answer: int, count: int) -> None:
    prompts, answers = torch.randint(9, (2, prompt)), torch.randint(9, (2, answer))
    found = insert_pauses(answer_batch(prompts, answers), PAUSE, count)
    assert torch.equal(found.tokens, torch.cat([prompts, torch.full((2, count), PAUSE), answers], 1))
    # The first prompt + count columns hold no label, and inputs are one shorter than the sequence.
    assert bool((found.labels[:, : prompt + count] == IGNORE).all())
    assert torch.equal(found.labels[:, prompt + count :], answers)
    assert found.columns == answer


def test_scattered_labels_and_weights_move_along() -> None:
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    labels = torch.tensor([[IGNORE, IGNORE, 3, IGNORE, 5]])
    weights = torch.tensor([[0.0, 0.0, 2.0, 0.0, 3.0]])
    for columns in (None, torch.tensor([2, 4])):
        found = insert_pauses(Batch(tokens, labels, weights, columns), PAUSE, 2)
        assert found.tokens.tolist() == [[1, 2, PAUSE, PAUSE, 3, 4, 5]]
        assert found.labels.tolist() == [[IGNORE] * 4 + [3, IGNORE, 5]]
        assert found.weights is not None
        assert found.weights.tolist() == [[0, 0, 0, 0, 2, 0, 3]]
        assert isinstance(found.columns, Tensor)
        assert found.columns.tolist() == [4, 6]


def test_no_pause_is_the_batch_itself() -> None:
    batch = answer_batch(PROMPTS, ANSWERS)
    assert insert_pauses(batch, PAUSE, 0) is batch


def test_the_first_answer_is_read_at_the_last_pause() -> None:
    model = Bag(10)
    found = Paused(Autoregressive(), PAUSE, 2).logits(model, answer_batch(PROMPTS, ANSWERS))
    shown = torch.cat([PROMPTS, torch.full((3, 2), PAUSE), ANSWERS], 1)
    assert torch.equal(found, model(input_ids=shown).logits[:, 3:-1])


def test_a_model_that_counts_the_pauses_is_right_with_that_many() -> None:
    model = Rule(10, lambda tokens: (tokens == PAUSE).sum(1))
    for count in (0, 1, 4):
        assert Paused(Autoregressive(), PAUSE, count).generate(model, PROMPTS, 2).tolist() == [[count, count]] * 3


@pytest.mark.parametrize("inner", [Autoregressive(9), OneShot(8, 9), Reversed(Autoregressive(9))])
def test_greedy_and_generate_agree_over_any_reader(inner: Autoregressive) -> None:
    model, reader = Bag(10), Paused(inner, PAUSE, 3)
    expected = reader.generate(model, PROMPTS, 3)
    forced = reader.logits(model, answer_batch(PROMPTS, ANSWERS)).argmax(-1)
    assert torch.equal(reader.greedy(model, PROMPTS, ANSWERS, forced), expected)
    assert expected.max() < 9
    drawn = [
        reader.generate(model, PROMPTS, 3, sampling=Sampling(1.0), generator=torch.Generator().manual_seed(4))
        for _ in range(2)
    ]
    assert torch.equal(*drawn)
