from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geomem.batch import IGNORE, Batch, answer_batch
from geomem.decoding.reader import Autoregressive, OneShot, Reversed, reverse_answers
from geomem.errors import InputError
from tests.causal import Bag, Rule

VOCABULARY = 12
PROMPTS = torch.tensor([[10, 1], [10, 2], [10, 3]])
ANSWERS = torch.tensor([[2, 3, 4], [3, 4, 5], [4, 5, 6]])


def successor(tokens: Tensor) -> Tensor:
    return (tokens[:, -1] + 1) % VOCABULARY


def predecessor(tokens: Tensor) -> Tensor:
    """After a prompt [10, n] the answer's last token n + 3, then downwards."""
    return tokens[:, -1] + 3 if tokens.shape[1] == 2 else tokens[:, -1] - 1


def test_autoregressive_logits_are_those_before_each_label() -> None:
    model = Bag(VOCABULARY)
    found = Autoregressive().logits(model, answer_batch(PROMPTS, ANSWERS))
    whole = model(input_ids=torch.cat([PROMPTS, ANSWERS], 1)).logits
    assert torch.equal(found, whole[:, 1:-1])


def test_scattered_labels_are_answered_in_their_order() -> None:
    model, tokens = Bag(VOCABULARY), torch.cat([PROMPTS, ANSWERS], 1)
    labels = torch.full_like(tokens, IGNORE)
    labels[:, [1, 3]] = tokens[:, [1, 3]]
    whole = model(input_ids=tokens).logits
    assert torch.equal(Autoregressive().logits(model, Batch(tokens, labels)), whole[:, [0, 2]])


def test_tokens_behind_the_tasks_own_are_never_answered() -> None:
    model = Rule(VOCABULARY, lambda tokens: torch.full((len(tokens),), VOCABULARY - 1))
    reader = Autoregressive(size=VOCABULARY - 1)
    assert reader.logits(model, answer_batch(PROMPTS, ANSWERS)).shape == (3, 3, VOCABULARY - 1)
    assert reader.generate(model, PROMPTS, 2).max() < VOCABULARY - 1
    assert OneShot(11, size=5).generate(model, PROMPTS, 4).max() < 5


def test_greedy_is_generate_whatever_the_targets() -> None:
    model = Bag(VOCABULARY)
    for reader in (Autoregressive(), Reversed(Autoregressive()), OneShot(11), Reversed(OneShot(11))):
        expected = reader.generate(model, PROMPTS, 3)
        for targets in (ANSWERS, expected, expected.flip(0)):
            forced = reader.logits(model, answer_batch(PROMPTS, targets)).argmax(-1)
            assert torch.equal(reader.greedy(model, PROMPTS, targets, forced), expected)


def test_one_shot_takes_one_pass_and_sees_no_answer() -> None:
    model = Rule(VOCABULARY, successor)
    found = OneShot(11).generate(model, PROMPTS, 3)
    assert model.rows == [3]
    assert found.tolist() == [[2, 0, 0], [3, 0, 0], [4, 0, 0]]  # after a filler, 11, comes 0
    bag = Bag(VOCABULARY)
    one, other = (OneShot(11).logits(bag, answer_batch(PROMPTS, answers)) for answers in (ANSWERS, ANSWERS + 1))
    assert torch.equal(one, other)


def test_reversed_reads_from_the_last_token_and_says_it_in_order() -> None:
    model = Rule(VOCABULARY, predecessor)
    reader = Reversed(Autoregressive())
    assert torch.equal(reader.generate(model, PROMPTS, 3), ANSWERS)
    assert torch.equal(reader.logits(model, answer_batch(PROMPTS, ANSWERS)).argmax(-1), ANSWERS)


def test_reversing_turns_tokens_labels_and_weights() -> None:
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    labels = torch.tensor([[IGNORE, IGNORE, 3, IGNORE, 5]])
    weights = torch.tensor([[9.0, 9.0, 0.3, 0.4, 0.5]])
    turned = reverse_answers(Batch(tokens, labels, weights, columns=3))
    assert turned.tokens.tolist() == [[1, 2, 5, 4, 3]]
    assert turned.labels.tolist() == [[IGNORE, IGNORE, 5, IGNORE, 3]]
    assert turned.weights is not None
    assert turned.weights[0].tolist() == pytest.approx([9.0, 9.0, 0.5, 0.4, 0.3])
    twice = reverse_answers(turned)
    assert torch.equal(twice.tokens, tokens)


def test_an_answer_that_is_not_the_end_is_refused_in_one_line() -> None:
    tokens = torch.tensor([[1, 2, 3, 4]])
    labels = torch.tensor([[IGNORE, 2, IGNORE, 4]])
    with pytest.raises(InputError, match="objective reversed: needs examples that end with their answer") as caught:
        reverse_answers(Batch(tokens, labels))
    assert "\n" not in str(caught.value)
