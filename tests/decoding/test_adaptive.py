from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from geomem.batch import Batch, answer_batch
from geomem.decoding.adaptive import Adaptive, spread
from geomem.decoding.sampling import Sampling
from geomem.decoding.slots import Slots, read_slots
from tests.causal import Rule
from tests.decoding.slot_models import NAMES, SLOTS, build, decode

torch.manual_seed(0)
PROMPTS = torch.randint(10, (6, 3))
ANSWERS = torch.randint(10, (6, 5))
BATCH = answer_batch(PROMPTS, ANSWERS)
ROWS = torch.cat([PROMPTS, ANSWERS], dim=1).tolist()


def reader(threshold: float | None = None, **changes: object) -> Adaptive:
    return Adaptive(replace(SLOTS, **changes), threshold)  # type: ignore[arg-type]


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", [{}, {"threshold": 0.3}, {"everywhere": True}, {"wait": None}])
def test_choices_made_at_once_are_those_made_one_by_one(name: str, settings: dict[str, object]) -> None:
    model, asked = build(name), reader(**settings)  # type: ignore[arg-type]
    logits, used = asked.stopped(model, BATCH)
    assert torch.equal(asked.logits(model, BATCH), logits)
    for index, row in enumerate(ROWS):
        _, slots, expected = decode(model, row, 3, 5, asked.slots, forced=True, threshold=asked.threshold)
        assert used[index].tolist() == slots
        torch.testing.assert_close(logits[index], expected, rtol=1e-4, atol=1e-5)
    if not settings and name not in ("gpt2", "llama", "gpt-neo"):
        assert len(used.unique()) > 1, "a test in which nothing is chosen tests nothing"


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", [{}, {"threshold": 0.3}, {"everywhere": True}, {"wait": None}])
def test_free_decoding_is_that_of_each_row_alone(name: str, settings: dict[str, object]) -> None:
    model, asked = build(name), reader(**settings)  # type: ignore[arg-type]
    found = asked.generate(model, PROMPTS, 5)
    for index, row in enumerate(ROWS):
        answers, _, _ = decode(model, row, 3, 5, asked.slots, forced=False, threshold=asked.threshold)
        assert found[index].tolist() == answers
    forced = asked.logits(model, BATCH).argmax(-1)
    assert torch.equal(asked.greedy(model, PROMPTS, ANSWERS, forced), found)


@torch.no_grad()
def test_labels_in_the_middle_get_pauses_there() -> None:
    model = build("bag")
    tokens = torch.tensor(ROWS)
    labels = torch.full_like(tokens, -100)
    labels[:, [2, 5]] = tokens[:, [2, 5]]
    _, used = reader().stopped(model, Batch(tokens, labels))
    for index, row in enumerate(ROWS):
        first = decode(model, row, 2, 1, SLOTS, forced=True)
        assert int(used[index, 0]) == first[1][0]
        shown = [*row[:2], *range(10, 10 + first[1][0] - 1), *row[2:5]]
        # A bag has no positions: the second label is decoded from what is then the prompt.
        assert int(used[index, 1]) == decode(model, shown, len(shown), 1, SLOTS, forced=False)[1][0]


def test_a_model_that_waits_when_it_must_is_read_where_it_answers() -> None:
    """After an odd token it says don't know until it has seen P_1 (id 10); then the token plus 1."""

    def rule(tokens: torch.Tensor) -> torch.Tensor:
        last = tokens[:, -1]
        before = tokens[:, -2] if tokens.shape[1] > 1 else last
        answer = torch.where(last == 10, before, last) + 1
        return torch.where((last % 2 == 1) & (last < 10), torch.tensor(12), answer % 10)

    model = Rule(14, rule)
    found = reader(bias=0.0).generate(model, torch.tensor([[1], [2], [9]]), 4)
    assert found.tolist() == [[2, 3, 4, 5], [3, 4, 5, 6], [0, 1, 2, 3]]
    batch = answer_batch(torch.tensor([[1], [2]]), torch.tensor([[2, 3, 4], [3, 4, 5]]))
    assert reader(bias=0.0).stopped(model, batch)[1].tolist() == [[2, 1, 2], [1, 2, 1]]


def test_passes_are_few() -> None:
    model = Rule(14, lambda tokens: torch.full((len(tokens),), 12))
    reader().stopped(model, BATCH)
    assert len(model.rows) == 3, "one for each further slot, and none to see that nothing changes"


@torch.no_grad()
def test_sampling_draws_symbols_and_not_whether_to_wait() -> None:
    model = build("bag")
    drawn = [
        reader().generate(model, PROMPTS, 4, sampling=Sampling(2.0), generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert int(torch.stack(drawn).max()) < 10
    assert reader().generate(model, PROMPTS, 0).shape == (6, 0)


@torch.no_grad()
def test_one_slot_is_plain_decoding() -> None:
    from geomem.decoding.reader import Autoregressive

    model, one = build("transformer"), Adaptive(Slots(1, 10, 10))
    plain = Autoregressive(10)
    assert torch.equal(one.generate(model, PROMPTS, 4), plain.generate(model, PROMPTS, 4))
    torch.testing.assert_close(one.logits(model, BATCH), plain.logits(model, BATCH))
    assert bool((one.stopped(model, BATCH)[1] == 1).all())


@torch.no_grad()
def test_where_all_pauses_are_used_it_is_the_parallel_pass() -> None:
    model, asked = build("llama"), reader(wait=None)
    torch.testing.assert_close(asked.logits(model, BATCH), read_slots(model, BATCH, asked.slots)[0][:, :, -1])


def test_spread_fills_up_on_the_right() -> None:
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    shown, positions, starts = spread(tokens, torch.tensor([0, 2]), torch.tensor([[2, 0], [0, 1]]), SLOTS)
    assert shown[0].tolist() == [1, 10, 11, 2, 3]
    assert shown[1, :4].tolist() == [4, 5, 6, 10]
    assert positions[0].tolist() == [0, 0, 0, 1, 2]
    assert starts.tolist() == [[0, 4], [0, 2]]
