from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.easy_hard import KINDS, EasyHardTask
from geomem.tasks.specs import EasyHardSpec
from tests.causal import Rule


def build(seed: int = 0, **settings: Any) -> EasyHardTask:
    return validate(EasyHardSpec, {"train_size": 300, "test_size": 60, **settings}).build(seed)


@pytest.mark.parametrize("packed", [1, 2, 4])
def test_targets_are_what_their_kind_says(packed: int) -> None:
    task = build(packed=packed)
    index = torch.arange(200)
    batch, kinds = task.examples("train", index), task.kinds("train", index).tolist()
    head = 2 * 4 // packed
    for row, tokens in enumerate(batch.tokens.tolist()):
        names = task.vocabulary.names(tokens)
        keys, values = (re.findall(r"\d+", "".join(names[start:head:2])) for start in (0, 1))
        assert sorted(keys) == ["0", "1", "2", "3"]
        told = {f"k{key}": f"v{value}" for key, value in zip(keys, values, strict=True)}
        told |= {f"c{cue}": f"v{value}" for cue, value in enumerate(task.rule.tolist())}
        for item in range(12):
            cue, target = names[head + 2 * item : head + 2 * item + 2]
            assert {"c": 0, "k": 1, "~": 2}[cue[0]] == kinds[row][item]
            assert cue == "~" or told[cue] == target
            assert re.fullmatch(r"v[0-3]", target)
        assert batch.labels[row].tolist() == [
            token if place > head and (place - head) % 2 else IGNORE for place, token in enumerate(tokens)
        ]


def test_kinds_have_their_shares_and_noise_is_even() -> None:
    task = build(test_size=2000, noise=0.2)
    index = torch.arange(2000)
    kinds, batch = task.kinds("held_out", index), task.examples("held_out", index)
    shares = torch.bincount(kinds.flatten()).double() / kinds.numel()
    assert shares.tolist() == pytest.approx([0.4, 0.4, 0.2], abs=0.01)
    targets = batch.tokens[:, batch.columns][kinds == 2]
    assert (torch.bincount(targets).double() / len(targets)).tolist() == pytest.approx([0.25] * 4, abs=0.02)


def test_everything_fits_the_size_that_was_asked_for() -> None:
    assert build().vocabulary.size <= 64
    assert build().examples("train", torch.arange(1)).tokens.shape[1] <= 64


def test_splits_and_seeds_differ_and_examples_do_not_hang_together() -> None:
    task, index = build(), torch.arange(30)
    batch = task.examples("train", index)
    assert not torch.equal(batch.tokens, task.examples("held_out", index).tokens)
    assert not torch.equal(batch.tokens, build(1).examples("train", index).tokens)
    assert torch.equal(task.examples("train", index[7:9]).tokens, batch.tokens[7:9])


def test_a_model_that_knows_the_rule_alone_is_right_on_easy_targets_alone() -> None:
    task = build(test_size=400)
    first = task.tokens.first_cue

    def rule(tokens: torch.Tensor) -> torch.Tensor:
        last = tokens[:, -1]
        cue = (last >= first) & (last < first + 8)
        return torch.where(cue, task.rule[(last - first).clamp(0, 7)], 0)

    found = task.score(Rule(task.vocabulary.size, rule))
    assert found["easy/held_out/accuracy"] == 1.0
    for kind in ("hard", "noise"):
        assert found[f"{kind}/held_out/accuracy"] == pytest.approx(0.25, abs=0.05)
    assert set(found) == {f"{kind}/held_out/{name}" for kind in KINDS for name in ("accuracy", "loss")}
    assert 0.25 < task.chance["hard/held_out/accuracy"] < 0.6


def test_without_noise_there_is_no_score_of_it() -> None:
    task = build(noise=0.0)
    assert not any(name.startswith("noise") for name in task.chance)
    assert set(task.score(Rule(task.vocabulary.size, lambda tokens: tokens[:, -1]))) == set(task.chance)


def test_pairs_that_cannot_be_packed_are_refused() -> None:
    with pytest.raises(InputError, match="packed: 4 pairs cannot be packed by 3"):
        build(packed=3)
