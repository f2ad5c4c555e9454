from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from geomem.batch import IGNORE, Batch, answer_batch
from geomem.decoding.slots import Slots, interleave, predicting, read_slots, slot_logits
from tests.decoding.slot_models import NAMES, SLOTS, TOKENS, build, logits_at_end


@given(st.integers(1, 7), st.integers(1, 4), st.booleans(), st.data())
def test_pauses_stand_behind_their_tokens(length: int, width: int, everywhere: bool, data: st.DataObject) -> None:
    at = sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1)))
    fewer = data.draw(st.none() | st.lists(st.integers(0, width - 1), min_size=len(at), max_size=len(at)))
    tokens = torch.arange(2 * length).view(2, length)
    slots = Slots(width, 100, 100, everywhere=everywhere)
    found = interleave(tokens, torch.tensor(at), slots, None if fewer is None else torch.tensor(fewer))
    rows: list[list[int]] = [[], []]
    positions: list[int] = []
    places: dict[int, list[int]] = {}
    for place in range(length):
        count = width - 1 if everywhere else 0
        if place in at:
            count = width - 1 if fewer is None else fewer[at.index(place)]
        places[place] = [len(positions) + min(slot, count) for slot in range(width)]
        for row in range(2):
            rows[row] += [int(tokens[row, place]), *range(100, 100 + count)]
        positions += [place] * (count + 1)
    assert found.tokens.tolist() == rows
    assert found.positions.tolist() == positions
    assert found.places.tolist() == [places[place] for place in at]


def test_labels_are_predicted_from_the_token_before() -> None:
    batch = answer_batch(torch.zeros(2, 3, dtype=torch.int64), torch.ones(2, 2, dtype=torch.int64))
    assert predicting(batch).tolist() == [2, 3]
    labels = torch.tensor([[IGNORE, 1, IGNORE, IGNORE], [IGNORE, IGNORE, IGNORE, 2]])
    assert predicting(Batch(torch.zeros(2, 4, dtype=torch.int64), labels)).tolist() == [0, 2]


@pytest.mark.parametrize("name", NAMES)
def test_every_family_reads_slots_as_plain_calls_do(name: str) -> None:
    """Among them transformers' models, which without cache and mask take shared position ids for packed sequences."""
    model = build(name)
    if name in ("gpt2", "llama"):
        model.config.use_cache = False
    tokens = torch.tensor([[1, 2, 3], [7, 8, 9]])
    found = slot_logits(model, tokens, torch.tensor([0, 2]), SLOTS)
    assert found.shape == (2, 2, 3, TOKENS)
    for row in range(2):
        one, two, three = tokens[row].tolist()
        full, places = [one, 10, 11, two, three, 10, 11], [0, 0, 0, 1, 2, 2, 2]
        for index, end in enumerate((1, 2, 3, 5, 6, 7)):
            expected = logits_at_end(model, full[:end], places[:end])
            torch.testing.assert_close(found[row, index // 3, index % 3], expected, rtol=1e-4, atol=1e-5)
    changed = tokens.clone()
    changed[:, 0] = 5
    later = slot_logits(model, changed, torch.tensor([0, 2]), SLOTS)[:, 1]
    assert bool(((later - found[:, 1]).abs().amax(-1) > 1e-4).all()), "every slot sees the tokens before its own"


def test_pauses_need_no_further_positions() -> None:
    model = build("transformer")
    limit = model.config.max_position_embeddings
    tokens = torch.randint(10, (1, limit))
    assert slot_logits(model, tokens, torch.arange(limit), SLOTS).shape == (1, limit, 3, TOKENS)


def test_the_odds_of_waiting_are_those_of_the_softmax() -> None:
    logits = torch.randn(5, TOKENS, dtype=torch.float64)
    real, delay = SLOTS.read(logits)
    shown = torch.cat([logits[:, :10], logits[:, 12:13] + SLOTS.bias], dim=1).softmax(-1)
    assert torch.equal(real, logits[:, :10])
    assert torch.allclose(delay.sigmoid(), shown[:, -1])
    real, delay = Slots(3, 10, 10).read(logits)
    assert torch.equal(real, logits[:, :10])
    assert bool((delay == torch.inf).all())


def test_a_batch_is_read_at_all_slots_of_its_labels() -> None:
    batch = answer_batch(torch.tensor([[1, 2]]), torch.tensor([[3, 4]]))
    model = build("bag")
    real, delay = read_slots(model, batch, SLOTS)
    logits = slot_logits(model, torch.tensor([[1, 2, 3]]), torch.tensor([1, 2]), SLOTS)
    assert torch.equal(real, logits[..., :10])
    assert delay.shape == (1, 2, 3)


def test_a_wrapped_model_is_looked_into() -> None:
    model = build("gpt2")
    wrapped = nn.parallel.DataParallel(model)  # stands in for wrappers whose forward takes anything
    tokens, at = torch.tensor([[1, 2, 3]]), torch.tensor([1, 2])
    assert torch.equal(slot_logits(wrapped, tokens, at, SLOTS), slot_logits(model, tokens, at, SLOTS))
