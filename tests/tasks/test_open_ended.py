from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.batch import IGNORE, Alphabet, Batch
from geomem.models.specs import TransformerSpec
from geomem.objectives.specs import SeedSpec
from geomem.tasks.open_ended import OpenEnded
from geomem.tasks.open_ended_specs import SiblingDiscoverySpec
from geomem.tasks.siblings import SiblingTriples
from tests.causal import Bag, Rule

SMALL = {"parents": 3, "children": 5, "train_size": 40, "held_out_size": 10, "samples": 60}


def build(**changes: object) -> OpenEnded:
    return SiblingDiscoverySpec.model_validate({**SMALL, **changes}).build(0)


def uniform_rule(task: OpenEnded) -> Rule:
    """The sampler that the ceiling is about: every coherent triple is equally likely."""
    objects = task.objects
    assert isinstance(objects, SiblingTriples)
    m, n, size = objects.parents, objects.children, objects.vocabulary.size

    def rule(tokens: Tensor) -> Tensor:
        logits = torch.full((len(tokens), size), -1e9)
        shown = tokens[:, -1]
        place = tokens.shape[1] - 1
        for row in range(len(tokens)):
            parent = (int(shown[row]) - m) // n if place == 1 else (int(shown[row]) - m - m * n) // n
            if place == 0:
                logits[row, m : m + m * n] = 0.0
            elif place == 1:
                logits[row, m + m * n + parent * n : m + m * n + (parent + 1) * n] = 0.0
            else:
                logits[row, parent if place == 2 else objects.vocabulary.end] = 0.0
        return logits

    return Rule(size, rule)


def test_labels_are_the_answers_and_splits_are_disjoint() -> None:
    task = build()
    rows: dict[str, set[tuple[int, ...]]] = {}
    for split in ("train", "held_out"):
        batch = task.streams(split)["siblings"].full()
        assert isinstance(batch, Batch)
        assert bool((batch.labels[:, 0] == IGNORE).all())
        assert torch.equal(batch.labels[:, 1:], batch.tokens[:, 1:])
        rows[split] = {tuple(row) for row in batch.tokens.tolist()}
    assert (len(rows["train"]), len(rows["held_out"])) == (40, 10)
    assert not rows["train"] & rows["held_out"]


def test_the_first_examples_do_not_depend_on_how_many_there_are() -> None:
    few, many = build(train_size=10), build(train_size=65)
    assert torch.equal(few.answers["held_out"], many.answers["held_out"])
    assert torch.equal(few.answers["train"], many.answers["train"][:10])


def test_every_object_is_drawn_in_the_end() -> None:
    rows = SiblingTriples(3, 5).draw_distinct(75, np.random.default_rng(0))
    assert len({tuple(row) for row in rows.tolist()}) == 75


def test_uniform_sampling_reaches_the_ceiling_and_its_numbers_add_up() -> None:
    task = build(samples=400, temperatures=[1.0])
    found = task.score(uniform_rule(task))
    assert found["siblings/coherence@t1"] == 1.0
    assert found["siblings/creativity@t1"] == found["siblings/creativity_raw@t1"]
    # Of 35 new triples and 400 draws nearly all occur; of 75 in all likewise.
    assert found["siblings/creativity@t1"] == pytest.approx(task.ceiling(), abs=1 / 400)
    assert found["siblings/diversity@t1"] == pytest.approx(75 / 400, abs=2 / 400)
    assert found["siblings/memorisation@t1"] == pytest.approx(40 / 75, abs=4 * math.sqrt(0.25 / 400))
    assert found["siblings/held_out/loss"] == pytest.approx((math.log(15) + math.log(5)) / 4, abs=1e-5)


def test_greedy_decoding_without_a_seed_gives_one_string() -> None:
    task = build(temperatures=[0.0])
    assert len(task.outputs(Bag(task.vocabulary.size), 0.0).unique(dim=0)) == 1
    found = task.score(uniform_rule(task))
    assert found["siblings/diversity@t0"] == 1 / 60
    assert found["siblings/creativity@t0"] <= 1 / 60


def test_a_model_that_knows_one_training_example_is_all_memory() -> None:
    task = build(temperatures=[0.0])
    row = task.answers["train"][0]
    found = task.score(Rule(task.vocabulary.size, lambda tokens: row[tokens.shape[1] - 1].expand(len(tokens))))
    assert (found["siblings/memorisation@t0"], found["siblings/creativity@t0"]) == (1.0, 0.0)


def test_seeds_before_the_prompt_make_greedy_outputs_differ() -> None:
    task = build(temperatures=[0.0], samples=200)
    objective = SeedSpec(length=3, letters=4).build(task.alphabet())
    model = Bag(task.vocabulary.size + objective.extra_tokens)
    outputs = task.outputs(model, 0.0, reader=objective.reader())
    assert outputs.shape == (200, 4)
    assert int(outputs.max()) < task.vocabulary.size
    assert len(outputs.unique(dim=0)) > 1
    assert torch.equal(outputs, task.outputs(model, 0.0, reader=objective.reader()))


def test_scores_are_the_same_with_a_cache_and_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    task = build(temperatures=[0.0], held_out_size=30)
    model = TransformerSpec(width=16, layers=1, heads=2).build(task.vocabulary.size, 0)
    whole = task.score(model)
    monkeypatch.setattr("geomem.tasks.open_ended._MOST_OUTPUTS", 7)
    monkeypatch.setattr("geomem.tasks.scoring.MOST_ROWS", 4)
    assert task.score(model) == pytest.approx(whole, rel=1e-5)


def test_other_parts_are_not_scored() -> None:
    assert build().score(Bag(build().vocabulary.size), parts=["edges"]) == {}


def test_objectives_are_offered_the_filler() -> None:
    task = build()
    assert task.alphabet() == Alphabet(task.vocabulary.size, filler=task.objects.vocabulary.filler)
