from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.batch import IGNORE, Alphabet, Batch, answer_batch
from geomem.decoding.reader import Autoregressive
from geomem.errors import InputError
from geomem.objectives.next_token import NextToken
from geomem.objectives.seeds import Seeded, Seeds, prepend, seeded
from geomem.objectives.specs import HybridSpec, SeedSpec
from tests.causal import Bag, Rule


def numbers(seeds: Seeds, rows: torch.Tensor) -> torch.Tensor:
    return ((rows - seeds.first) * seeds.letters ** torch.arange(seeds.length)).sum(1)


@given(st.integers(2, 7), st.integers(1, 4))
def test_training_and_test_seeds_are_all_different(letters: int, length: int) -> None:
    seeds = Seeds(length, letters, first=10)
    train = seeds.training(torch.arange(seeds.count))
    test = seeds.fresh(seeds.count, torch.Generator().manual_seed(0))
    both = numbers(seeds, torch.cat([train, test]))
    assert len(both.unique()) == 2 * seeds.count
    assert both.min() >= 0
    assert both.max() < letters**length


def test_many_seeds_are_drawn_without_two_alike() -> None:
    seeds = Seeds(10, 36, first=5)
    drawn = seeds.fresh(3000, torch.Generator().manual_seed(1))
    assert drawn.shape == (3000, 10)
    assert len(drawn.unique(dim=0)) == 3000
    assert (drawn >= 5).all()
    assert (drawn < 41).all()
    train = seeds.training(torch.arange(50_000))
    assert len(torch.cat([train, drawn]).unique(dim=0)) == 53_000
    # Letters look drawn, and alike for both: each place has each of 36 letters about equally often.
    for rows in (train, drawn):
        expected = len(rows) / 36
        counts = torch.stack([torch.bincount(column - 5, minlength=36) for column in rows.T]).double()
        assert ((counts - expected).abs() < 5 * expected**0.5).all()


def test_some_of_few_seeds_are_drawn_from_those_that_no_example_has() -> None:
    seeds = Seeds(3, 10, first=0)
    train = numbers(seeds, seeds.training(torch.arange(seeds.count)))
    drawn = numbers(seeds, seeds.fresh(100, torch.Generator().manual_seed(0)))  # a fifth of them, so drawn one by one
    assert len(drawn.unique()) == 100
    assert not torch.isin(drawn, train).any()


def test_an_example_keeps_its_seed_and_the_prompt_follows() -> None:
    seeds = Seeds(3, 4, first=20)
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    labels = torch.tensor([[1, 2, 3], [4, IGNORE, 6]])
    batch = Batch(tokens, labels, columns=torch.tensor([1, 2]), index=torch.tensor([7, 0]))
    one, other = seeded(batch, seeds), seeded(Batch(tokens.flip(0), labels.flip(0), index=torch.tensor([0, 7])), seeds)
    assert torch.equal(one.tokens, other.tokens.flip(0))
    assert torch.equal(one.tokens[:, 3:], tokens)
    assert one.labels.tolist() == [[IGNORE] * 4 + [2, 3], [IGNORE] * 5 + [6]]
    assert isinstance(one.columns, torch.Tensor)
    assert one.columns.tolist() == [4, 5]
    weighted = prepend(Batch(tokens, labels, weights=torch.ones(2, 3)), one.tokens[:, :3])
    assert weighted.weights is not None
    assert weighted.weights.shape == weighted.tokens.shape


def test_too_few_seeds_and_unnumbered_examples_are_one_line() -> None:
    with pytest.raises(InputError, match="2 letters give 2 seeds of length 2, too few for example 2; raise length"):
        Seeds(2, 2, 0).training(torch.tensor([2]))
    with pytest.raises(InputError, match="not numbered"):
        seeded(answer_batch(torch.tensor([[1]]), torch.tensor([[2]])), Seeds(2, 2, 0))


def test_the_loss_is_that_of_seeded_examples() -> None:
    objective = SeedSpec(length=2, letters=4).build(Alphabet(7))
    assert objective.extra_tokens == 4
    model = Bag(11).double()
    batch = Batch(torch.tensor([[5, 1], [6, 2]]), torch.tensor([[IGNORE, 1], [IGNORE, 2]]), index=torch.tensor([0, 3]))
    seeds = Seeds(2, 4, 7).training(torch.tensor([0, 3]))
    by_hand = torch.cat([seeds, batch.tokens], 1)
    labels = torch.cat([torch.full_like(seeds, IGNORE), batch.labels], 1)
    assert objective(model, batch).item() == NextToken(7)(model, Batch(by_hand, labels)).item()


def test_length_zero_is_the_other_objective_and_tokens_stack() -> None:
    assert isinstance(SeedSpec(length=0).build(Alphabet(7)), NextToken)
    objective = SeedSpec(length=1, letters=3, of=HybridSpec()).build(Alphabet(7))
    assert objective.extra_tokens == 4  # the filler that the hybrid needs, then three letters
    reader = objective.reader()
    assert isinstance(reader, Seeded)
    assert (reader.seeds.first, reader.inner) == (8, Autoregressive(7))


def test_prompts_get_fresh_seeds_and_answers_can_follow_them() -> None:
    seeds = Seeds(2, 3, first=6)
    model = Rule(9, lambda tokens: tokens[:, 0] - 6)  # says the seed's first letter
    reader = Seeded(Autoregressive(6), seeds)
    prompts = torch.full((4, 1), 5)
    drawn = reader.generate(model, prompts, 1, generator=torch.Generator().manual_seed(0))
    again = reader.generate(model, prompts, 1, generator=torch.Generator().manual_seed(0))
    other = reader.generate(model, prompts, 1, generator=torch.Generator().manual_seed(1))
    assert torch.equal(drawn, again)
    assert not torch.equal(drawn, other)
    fixed = reader.logits(model, answer_batch(prompts, torch.zeros(4, 1, dtype=torch.int64))).argmax(-1)
    assert torch.equal(reader.greedy(model, prompts, drawn, fixed), reader.generate(model, prompts, 1))
    assert torch.equal(fixed, reader.generate(model, prompts, 1))
