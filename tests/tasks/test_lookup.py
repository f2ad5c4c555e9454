from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch

from geomem.batch import IGNORE
from geomem.decoding.paused import Paused
from geomem.decoding.reader import Autoregressive
from geomem.errors import InputError
from geomem.spec import validate
from geomem.tasks.lookup import LookupTask, chance_among
from geomem.tasks.specs import LookupSpec
from tests.causal import Rule


def build(seed: int = 0, **settings: Any) -> LookupTask:
    return validate(LookupSpec, {"train_size": 400, "test_size": 200, **settings}).build(seed)


def digits(names: list[str]) -> list[int]:
    return [int(digit) for digit in re.findall(r"\d+", "".join(names))]


@pytest.mark.parametrize(("pairs", "packed"), [(4, 2), (3, 1), (6, 3), (6, 6), (2, 2)])
def test_the_answer_is_the_value_of_the_key_in_the_table(pairs: int, packed: int) -> None:
    task = build(pairs=pairs, packed=packed, values=3)
    batch = task.lookups("train", torch.arange(100))
    assert batch.tokens.shape == (100, 2 * pairs // packed + 3)
    asked_places: set[int] = set()
    for tokens, labels in zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True):
        names = task.vocabulary.names(tokens)
        keys, values = digits(names[:-3:2]), digits(names[1:-3:2])
        assert len(set(keys)) == len(keys) == len(values) == pairs
        assert names[-3] == "?"
        asked = int(names[-2].removeprefix("k"))
        assert names[-1] == f"v{values[keys.index(asked)]}"
        assert labels == [IGNORE] * (len(tokens) - 1) + tokens[-1:]
        asked_places.add(keys.index(asked))
    assert asked_places == set(range(pairs)), "every place of the table is asked for"


def test_the_prompt_of_the_paper_s_size_fills_six_places() -> None:
    assert build().lookups("train", torch.arange(1)).tokens.shape[1] - 1 == 6
    assert build().vocabulary.size <= 128


def test_pairs_keep_their_meaning_within_a_sequence() -> None:
    task = build(length=24)
    batch = task.pairs("train", torch.arange(60))
    meanings: set[tuple[tuple[str, str], ...]] = set()
    for tokens, labels in zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True):
        names = task.vocabulary.names(tokens)
        said = list(zip(names[::2], names[1::2], strict=True))
        assert len(dict(said)) == len(set(said)), "a key has one value"
        assert all(key.startswith("k") and value.startswith("v") for key, value in said)
        assert labels[::2] == [IGNORE] * 12
        assert labels[1::2] == tokens[1::2]
        meanings.add(tuple(sorted(set(said))))
    assert len(meanings) > 50, "and another one in the next"


def test_copies_repeat_a_random_string() -> None:
    task = build(length=10)
    batch = task.copies("train", torch.arange(400))
    assert torch.equal(batch.tokens[:, :5], batch.tokens[:, 5:])
    assert bool((batch.labels[:, :5] == IGNORE).all())
    assert torch.equal(batch.labels[:, 5:], batch.tokens[:, 5:])
    counts = torch.bincount(batch.tokens[:, :5].flatten(), minlength=task.tokens.first_cue)
    assert len(counts) == task.tokens.first_cue
    assert bool((counts > 0).all()), "every key, value and pack occurs"


def test_text_is_of_single_symbols() -> None:
    found = build().streams()["text"].full()
    assert int(found.tokens.max()) < build().tokens.first_pack
    assert found.tokens.shape == (400, 32)


def test_splits_and_kinds_are_seeded_apart() -> None:
    task = build()
    for name in ("lookup", "pairs", "copy", "text"):
        train, held_out = task.streams("train")[name], task.streams("held_out")[name]
        index = torch.arange(20)
        assert not torch.equal(train.batch(index).tokens, held_out.batch(index).tokens)


def solve(task: LookupTask) -> Rule:
    """A model that reads the table."""

    def rule(tokens: torch.Tensor) -> torch.Tensor:
        answers = []
        for row in tokens.tolist():
            names = [name for name in task.vocabulary.names(row) if name != "[PAUSE]"]
            if "?" not in names or names[-1] == "?":
                answers.append(0)
                continue
            cut = names.index("?")
            keys, values = digits(names[:cut:2]), digits(names[1:cut:2])
            answers.append(values[keys.index(int(names[cut + 1][1:]))])
        return torch.tensor(answers)

    return Rule(task.vocabulary.size, rule)


def test_a_model_that_looks_up_is_always_right_and_one_that_does_not_has_chance() -> None:
    task = build()
    found = task.score(solve(task), parts=["lookup"])
    assert set(found) == {"lookup/held_out/accuracy", "lookup/held_out/loss"}
    assert found["lookup/held_out/accuracy"] == 1.0
    paused = task.score(
        solve(task), parts=["lookup"], reader=Paused(Autoregressive(task.vocabulary.size), task.tokens.pause, 3)
    )
    assert paused["lookup/held_out/accuracy"] == 1.0
    assert task.alphabet().pause == task.tokens.pause


def test_chance_is_that_of_a_guesser_among_the_shown_values() -> None:
    keys = torch.zeros(2, 4, dtype=torch.int64)
    values = torch.tensor([[1, 1, 1, 2], [0, 1, 2, 3]])
    accuracy, loss = chance_among(keys, values, torch.tensor([0, 2]))
    assert accuracy == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert loss == pytest.approx((-math.log(3 / 4) - math.log(1 / 4)) / 2)
    task = build(test_size=4000)
    keys, values, asked = task.table("held_out", torch.arange(4000))
    best = [max(row.count(value) for value in row) / 4 for row in values.tolist()]
    assert task.chance["lookup/held_out/accuracy"] == pytest.approx(sum(best) / 4000)
    guesses = values.mode(1).values
    assert float((guesses == values.gather(1, asked[:, None])[:, 0]).double().mean()) == pytest.approx(
        task.chance["lookup/held_out/accuracy"], abs=0.03
    )


def test_settings_that_do_not_fit_are_one_line() -> None:
    for settings, word in (({"pairs": 3}, "packed: 3 pairs"), ({"pairs": 8}, "as many different keys"),
                           ({"length": 9}, "even")):  # fmt: skip
        with pytest.raises(InputError, match=word):
            build(**settings)
