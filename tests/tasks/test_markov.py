from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.markov import MarkovTask
from geomem.tasks.specs import MarkovSpec
from tests.contract.checks import Uniform

SMALL = MarkovSpec(vocabulary=6, length=6, train_size=50, held_out_size=400)


class Knows(nn.Module):
    """A model that says what the source says."""

    def __init__(self, task: MarkovTask) -> None:
        super().__init__()
        self.task = task

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.task.source.conditionals(input_ids).clamp(min=1e-30).log())


def test_who_knows_the_source_has_no_excess_and_the_loss_of_its_entropy() -> None:
    task = SMALL.build(0)
    found = task.score(Knows(task))
    assert found["markov/held_out/excess"] == pytest.approx(0.0, abs=1e-9)
    conditional = task.source.conditionals(task.tokens["held_out"])[:, :-1]
    expected = -torch.xlogy(conditional, conditional).sum(-1).mean()
    assert found["markov/held_out/loss"] == pytest.approx(float(expected), abs=0.1)  # one sample a position


def test_the_excess_is_what_the_loss_lies_above_the_entropy() -> None:
    task = SMALL.build(0)
    found = task.score(Uniform(6))
    assert found["markov/held_out/loss"] == pytest.approx(math.log(6))
    conditional = task.source.conditionals(task.tokens["held_out"])[:, :-1]
    entropy = float(-torch.xlogy(conditional, conditional).sum(-1).mean())
    assert found["markov/held_out/excess"] == pytest.approx(math.log(6) - entropy)
    assert task.chance["markov/held_out/loss"] <= math.log(6) + 0.05
    assert task.score(Uniform(6), parts=()) == {}


def test_splits_are_independent_and_a_seed_decides() -> None:
    task, same, other = SMALL.build(0), SMALL.build(0), SMALL.build(1)
    assert torch.equal(task.tokens["train"], same.tokens["train"])
    assert not torch.equal(task.source.transitions, other.source.transitions)
    assert not torch.equal(task.tokens["train"], task.tokens["held_out"][:50])
    assert task.streams()["markov"].size == 50


def test_bad_settings_are_one_line() -> None:
    with pytest.raises(InputError, match="supports"):
        validate(MarkovSpec, {"vocabulary": 3, "supports": [2, 5]}).build(0)
