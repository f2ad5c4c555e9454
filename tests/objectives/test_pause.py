from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.batch import IGNORE, Alphabet, Batch, answer_batch
from geomem.decoding.paused import Paused
from geomem.errors import InputError
from geomem.objectives import OBJECTIVES
from geomem.objectives.next_token import NextToken
from geomem.objectives.pause import pauses_before_answer, strew_pauses
from geomem.objectives.specs import PauseSpec, TeacherlessSpec
from geomem.spec import resolve, validate
from tests.causal import Bag

WORDS = Alphabet(8)
PAUSE = 8
BATCH = answer_batch(torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[7, 0], [2, 1]]))


def build(words: Alphabet = WORDS, **settings: Any) -> Any:
    return PauseSpec.model_validate(settings).build(words)


def gradients(model: Bag, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, [model.table, model.head]))


def test_without_pauses_it_is_the_other_objective_bit_for_bit() -> None:
    model = Bag(8)
    plain, paused = NextToken(8), build(count=0)
    assert paused.extra_tokens == 0
    assert torch.equal(paused(model, BATCH), plain(model, BATCH))
    for one, two in zip(gradients(model, paused(model, BATCH)), gradients(model, plain(model, BATCH)), strict=True):
        assert torch.equal(one, two)
    assert build(count=0, of="teacherless").filler == resolve_teacherless().filler


def resolve_teacherless() -> Any:
    return TeacherlessSpec().build(WORDS)


def test_the_loss_is_cross_entropy_of_the_answer_after_the_pauses() -> None:
    model = Bag(9)
    tokens = torch.cat([BATCH.tokens[:, :3], torch.full((2, 4), PAUSE), BATCH.tokens[:, 3:]], 1)
    logits = model(input_ids=tokens).logits[:, 6:8, :8]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), BATCH.labels[:, 3:].flatten())
    assert torch.allclose(build(count=4)(model, BATCH), expected)


@pytest.mark.parametrize("settings", [{"count": 3}, {"mode": "random", "share": 0.4}])
def test_a_pause_is_an_input_and_never_an_answer(settings: dict[str, Any]) -> None:
    model = Bag(9)
    torch.manual_seed(0)
    batch = BATCH if "count" in settings else Batch(BATCH.tokens, BATCH.tokens, columns=4)
    table, head = gradients(model, build(**settings)(model, batch))
    assert bool((head[PAUSE] == 0).all()), "the output row of the pause gets no gradient at all"
    assert bool((table[PAUSE] != 0).any()), "its input row is what is learned"


def test_the_tasks_own_pause_is_used_where_it_has_one() -> None:
    own, lent = build(Alphabet(8, pause=6), count=2), build(count=2)
    assert (own.extra_tokens, lent.extra_tokens) == (0, 1)
    assert own.change(BATCH).tokens[0].tolist() == [1, 2, 3, 6, 6, 7, 0]
    assert lent.change(BATCH).tokens[0].tolist() == [1, 2, 3, 8, 8, 7, 0]
    # Behind the tokens that the other objective brings.
    over = build(count=2, of="teacherless")
    assert over.extra_tokens == 2
    assert over.change(BATCH).tokens[0].tolist() == [1, 2, 3, 9, 9, 7, 0]


def test_pauses_at_test_time_are_those_of_training_unless_said_otherwise() -> None:
    assert build(count=4).reader() == Paused(NextToken(8).reader(), PAUSE, 4)
    assert build(count=(1, 7, 3)).reader().count == 7
    assert build(count=4, asked=1).reader().count == 1
    assert build(mode="random").reader().count == 0
    assert build(mode="random", asked=5).reader().count == 5
    assert build(count=0, asked=2).reader().count == 2


def test_several_counts_are_drawn_for_each_batch_from_the_global_generator() -> None:
    torch.manual_seed(0)
    lengths = [pauses_before_answer(BATCH, PAUSE, (0, 2, 5)).tokens.shape[1] - 5 for _ in range(300)]
    assert set(lengths) == {0, 2, 5}
    assert all(60 < lengths.count(count) < 140 for count in (0, 2, 5))
    torch.manual_seed(0)
    assert lengths[:9] == [pauses_before_answer(BATCH, PAUSE, (0, 2, 5)).tokens.shape[1] - 5 for _ in range(9)]
    before = torch.get_rng_state()
    pauses_before_answer(BATCH, PAUSE, (3,))
    assert torch.equal(torch.get_rng_state(), before), "one count draws nothing"


@given(st.integers(2, 20), st.floats(0.05, 0.6), st.integers(0, 5))
def test_strewn_pauses_keep_the_order_and_drop_their_own_prediction(length: int, share: float, seed: int) -> None:
    torch.manual_seed(seed)
    tokens = torch.randint(8, (3, length))
    labels = tokens.masked_fill(torch.rand(3, length) < 0.3, IGNORE)
    labels[:, 1] = tokens[:, 1]
    weights = torch.rand(3, length)
    found = strew_pauses(Batch(tokens, labels, weights, length - 1), PAUSE, share)
    assert found.tokens.shape == (3, length)
    assert found.weights is not None
    for row in range(3):
        paused = found.tokens[row] == PAUSE
        real = length - int(paused.sum())
        assert not bool(paused[0])
        assert int(paused.sum()) <= round(share * length)
        assert torch.equal(found.tokens[row][~paused], tokens[row, :real])
        assert torch.equal(found.labels[row][~paused], labels[row, :real])
        assert torch.equal(found.weights[row][~paused], weights[row, :real])
        assert bool((found.labels[row][paused] == IGNORE).all())


def test_as_many_labels_are_masked_as_pauses_survive_the_cut() -> None:
    torch.manual_seed(1)
    tokens = torch.randint(8, (50, 40))
    found = strew_pauses(Batch(tokens, tokens, columns=39), PAUSE, 0.1)
    survivors = (found.tokens == PAUSE).sum(1)
    assert torch.equal((found.labels == IGNORE).sum(1), survivors)
    assert int(survivors.max()) == 4
    assert float(survivors.float().mean()) == pytest.approx(4 * 39 / 43, abs=0.25)
    counts = (found.tokens == PAUSE).sum(0)
    assert int(counts[0]) == 0
    assert int((counts > 0).sum()) > 35, "they fall everywhere"


def test_which_pause_is_which_does_not_matter() -> None:
    """There is one pause token: sequences that differ in the order of their pauses are the same sequence."""
    changed = build(count=3).change(BATCH)
    order = [0, 1, 2, 5, 3, 4, 6, 7]
    assert torch.equal(changed.tokens[:, order], changed.tokens)
    assert torch.equal(changed.labels[:, order], changed.labels)


def test_pauses_that_push_out_all_labels_are_refused() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(8, (2, 30))
    labels = torch.full_like(tokens, IGNORE)
    labels[:, -1] = tokens[:, -1]
    with pytest.raises(InputError, match="mode=answer"):
        strew_pauses(Batch(tokens, labels, columns=1), PAUSE, 0.5)


def test_counts_that_are_none_are_refused_in_one_line() -> None:
    for count in ((), -1, (2, -1)):
        with pytest.raises(InputError, match="count"):
            validate(PauseSpec, {"kind": "pause", "count": count})
    assert resolve(OBJECTIVES, {"kind": "pause", "count": [1, 2]}).model_dump()["count"] == (1, 2)


@pytest.mark.parametrize("inner", ["reversed", "first-token"])
def test_strewn_pauses_do_not_break_up_answers_that_are_needed_whole(inner: str) -> None:
    """The other way round it works: what is reversed, or cut, is the answer, and pauses are strewn afterwards."""
    strewn = {"kind": "pause", "mode": "random"}
    for of in ({"kind": inner}, {"kind": "seed", "of": inner}):
        with pytest.raises(InputError, match=f"of: {inner} needs answers in one piece.*put pause inside it") as caught:
            resolve(OBJECTIVES, {**strewn, "of": of})
        assert "\n" not in str(caught.value)
    resolve(OBJECTIVES, {"kind": inner, "of": strewn})
    resolve(OBJECTIVES, {"kind": "pause", "of": inner})
