from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from geomem.batch import IGNORE, Alphabet, Batch, ContextBatch, answer_batch
from geomem.decoding.adaptive import Adaptive
from geomem.errors import InputError
from geomem.objectives import catch_your_breath_losses as losses
from geomem.objectives.catch_your_breath import CatchYourBreath
from geomem.objectives.next_token import NextToken
from geomem.objectives.specs import CatchYourBreathSpec, SeedSpec
from geomem.spec import validate
from tests.causal import Bag
from tests.decoding.slot_models import NAMES
from tests.decoding.slot_models import build as build_model

WORDS = Alphabet(10)
BATCH = answer_batch(torch.tensor([[1, 2], [4, 5], [0, 3]]), torch.tensor([[7, 0], [2, 1], [9, 9]]))
RULES = ("ap", "va", "dp", "last", "mean")


def build(**settings: Any) -> CatchYourBreath:
    made = validate(CatchYourBreathSpec, {"warm_up": 0, **settings}).build(WORDS)
    assert isinstance(made, CatchYourBreath)
    return made


def by_hand(model: Any, bias: float = -2.0, width: int = 3) -> tuple[Tensor, Tensor]:
    """Log-odds and log-probabilities (B, K, W) of BATCH, its sequences written out for a bag of words."""
    pauses = list(range(10, 10 + width - 1))
    delay, found = torch.zeros(3, 2, width), torch.zeros(3, 2, width)
    for row, (one, two, three, _) in enumerate(BATCH.tokens.tolist()):
        logits = model(input_ids=torch.tensor([[one, two, *pauses, three, *pauses]])).logits[0]
        for label in range(2):
            for slot in range(width):
                at = logits[1 + label * width + slot]
                probs = torch.cat([at[:10], at[10 + width - 1, None] + bias]).softmax(0)
                d, t = probs[10], probs[BATCH.labels[row, 2 + label]]
                delay[row, label, slot], found[row, label, slot] = (d / (1 - d)).log(), (t / (1 - d)).log()
    return delay, found


@torch.no_grad()
@pytest.mark.parametrize("rule", RULES)
def test_the_loss_is_its_formula_at_slots_read_by_hand(rule: str) -> None:
    model = Bag(13)
    delay, found = by_hand(model)
    expected = {
        "ap": losses.anytime_loss(delay, found, 0.9),
        "va": losses.variational_loss(delay, found, losses.geometric_prior(3, 1.3), 0.2),
        "dp": losses.priced_loss(delay, found, 0.3),
        "last": -found[..., -1],
        "mean": -found.mean(-1),
    }[rule]
    made = build(loss=rule, gamma=0.9, beta=0.2, prior_mean=1.3, penalty=0.3)
    assert float(made(model, BATCH)) == pytest.approx(float(expected.mean()), rel=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_one_slot_is_next_token_prediction(rule: str) -> None:
    model, made = Bag(10), build(loss=rule, slots=1)
    assert made.extra_tokens == 0
    assert torch.allclose(made(model, BATCH), NextToken(10)(model, BATCH))
    contexts = ContextBatch(BATCH.tokens[:, :2], torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0, 0, 1, 2]),
                            torch.tensor([3, 4, 5, 6]), torch.tensor([0.25, 0.75, 1.0, 1.0]))  # fmt: skip
    assert torch.allclose(made(model, contexts), NextToken(10)(model, contexts))


@torch.no_grad()
def test_weights_and_missing_labels_count() -> None:
    model, made = Bag(13), build(gamma=0.9)
    each = losses.anytime_loss(*by_hand(model), 0.9)
    weights = torch.tensor([[0, 0, 1.0, 2.0], [0, 0, 0.5, 0.0], [0, 0, 3.0, 1.0]])
    labels = BATCH.labels.clone()
    labels[2, 2] = IGNORE
    share = weights[:, 2:] * (labels[:, 2:] != IGNORE)
    found = made(model, Batch(BATCH.tokens, labels, weights, torch.tensor([2, 3])))
    assert float(found) == pytest.approx(float((each * share).sum() / share.sum()), rel=1e-5)


@torch.no_grad()
def test_soft_labels_are_examples_for_each_context_and_token() -> None:
    model, made = Bag(13), build(gamma=0.9)
    contexts = ContextBatch(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0.25, 0.75]), torch.tensor([0, 0, 1]),
                            torch.tensor([5, 6, 7]), torch.tensor([0.4, 0.6, 1.0]))  # fmt: skip
    alone = [
        float(made(model, answer_batch(torch.tensor([row]), torch.tensor([[token]]))))
        for row, token in (([1, 2], 5), ([1, 2], 6), ([3, 4], 7))
    ]
    expected = 0.25 * (0.4 * alone[0] + 0.6 * alone[1]) + 0.75 * alone[2]
    assert float(made(model, contexts)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_models_of_every_family(name: str) -> None:
    model = build_model(name).train()
    loss = build()(model, BATCH)
    loss.backward()
    parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
    assert bool(loss.isfinite())
    assert all(bool(parameter.grad.isfinite().all()) for parameter in parameters)
    table = model.table if name == "bag" else model.get_input_embeddings().weight
    assert bool((table.grad[10:12] != 0).any(1).all()), "the pauses' vectors learn"


def test_the_last_slot_cannot_wait() -> None:
    """A model that always says don't know is still scored by what it would answer at the end."""
    model = Bag(13)
    with torch.no_grad():
        model.head[12] = 0.0
    sure = build(bias=60.0, gamma=1.0)
    assert torch.allclose(sure(model, BATCH), build(loss="last")(model, BATCH))


def test_don_t_know_is_an_output_and_pauses_are_inputs() -> None:
    model = Bag(13)
    table, head = torch.autograd.grad(build()(model, BATCH), [model.table, model.head])
    assert bool((table[12] == 0).all())
    assert bool((head[10:12] == 0).all())
    assert bool((head[12] != 0).any())
    _, head = torch.autograd.grad(build(loss="mean")(model, BATCH), [model.table, model.head])
    assert bool((head[12] == 0).all()), "a baseline has no choice"


def test_the_warm_up_teaches_all_slots_and_the_prior_and_counts_training_alone() -> None:
    model, made = Bag(13), build(warm_up=2, prior_mean=1.6)
    delay, found = by_hand(model)
    log_q, prior = losses.stopping_log_probs(delay), losses.geometric_prior(3, 1.6)
    divergence = (log_q.exp() * (log_q - prior)).sum(-1).mean()
    first, then = float((divergence - found.mean()).detach()), float(build()(model, BATCH).detach())
    with torch.no_grad():
        assert float(made(model, BATCH)) == then, "asked without gradients it is the loss itself"
    assert [float(made(model, BATCH).detach()) for _ in range(3)] == pytest.approx([first, first, then], rel=1e-5)
    baseline = build(loss="last", warm_up=1)
    assert [float(baseline(model, BATCH).detach()) for _ in range(2)] == pytest.approx(
        [-float(found.mean().detach()), -float(found[..., -1].mean().detach())], rel=1e-5
    )


def test_the_penalty_moves_towards_the_budget_and_is_remembered() -> None:
    model, made = Bag(13), build(loss="dp", budget=1.5, penalty=0.2, rate=0.5)
    slots = losses.expected_slot(losses.stopping_log_probs(by_hand(model)[0])).mean()
    made(model, BATCH)
    expected = max(0.0, 0.2 + 0.5 * (float(slots.detach()) - 1.5))
    assert made.price is not None
    assert float(made.price.value) == pytest.approx(expected, rel=1e-5)
    again = build(loss="dp", budget=1.5, penalty=0.2, rate=0.5)
    again.load_state_dict(made.state_dict())
    assert torch.equal(again(model, BATCH), made(model, BATCH))
    wrapped = SeedSpec.model_validate({"of": {"kind": "catch-your-breath", "loss": "dp", "budget": 2.0}}).build(WORDS)
    wrapped.load_state_dict({"batches": torch.tensor(300), "price": torch.tensor(0.7)})  # type: ignore[attr-defined]
    assert wrapped.state_dict()["batches"] == 300  # type: ignore[attr-defined]


def test_the_penalty_stays_while_pauses_are_taught() -> None:
    """In the warm-up slots are used as the prior says, which nothing is to be paid for."""
    model, made = Bag(13), build(loss="dp", budget=1.0, penalty=0.2, rate=0.5, warm_up=2)
    prices: list[float] = []
    for _ in range(3):
        made(model, BATCH)
        prices.append(float(made.price.value) if made.price is not None else -1.0)
    assert prices[:2] == pytest.approx([0.2, 0.2])
    assert prices[2] > 0.2


@torch.no_grad()
def test_dropped_pauses_leave_fewer_slots_and_the_last_one_answers() -> None:
    model, made = Bag(13), build(drop=1.0, gamma=0.9)
    seen: set[float] = set()
    for seed in range(12):
        torch.manual_seed(seed)
        seen.add(round(float(made(model, BATCH)), 5))
    expected: set[float] = set()
    for first in (0, 1):
        for second in (0, 1):
            total = 0.0
            for row, (one, two, three, _) in enumerate(BATCH.tokens.tolist()):
                shown = [one, two, *[10] * first, three, *[10] * second]
                logits = model(input_ids=torch.tensor([shown])).logits[0]
                for label, start, count in ((0, 1, first + 1), (1, 2 + first, second + 1)):
                    at = logits[start : start + count]
                    target = at[:, :10].log_softmax(-1)[:, BATCH.labels[row, 2 + label]]
                    delay = at[:, 12] - 2.0 - at[:, :10].logsumexp(-1)
                    total += float(losses.anytime_loss(delay, target, 0.9)) / 6
            expected.add(round(total, 5))
    assert seen == expected


def test_the_reader_knows_the_slots() -> None:
    read = build(threshold=0.4, slots=2, bias=-1.0).reader()
    assert isinstance(read, Adaptive)
    assert (read.threshold, read.slots.wait, read.slots.count, read.slots.first) == (0.4, 11, 2, 10)
    assert build(loss="last").reader().slots.wait is None


def test_settings_that_do_not_fit_are_one_line() -> None:
    for settings, word in (({"loss": "ap", "budget": 2.0}, "budget"), ({"loss": "dp", "budget": 4.0}, "3 slots"),
                           ({"gamma": 0.0}, "gamma"), ({"slots": 0}, "slots"), ({"clock": 1.0}, "clock")):  # fmt: skip
        with pytest.raises(InputError, match=word) as caught:
            validate(CatchYourBreathSpec, settings)
        assert "\n" not in str(caught.value)


def test_uniform_logits_cost_log_v_and_the_price_of_time() -> None:
    model = Bag(13)
    with torch.no_grad():
        model.head.zero_()
        d = 1 / (1 + 10 * math.exp(2))
        value = (1 - d) + 0.9 * d * (1 - d) + 0.81 * d * d
        assert float(build(gamma=0.9)(model, BATCH)) == pytest.approx(math.log(10) - math.log(value), rel=1e-5)
