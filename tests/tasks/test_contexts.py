from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from geomem.contexts.files import save_contexts
from geomem.contexts.matrix import PAD
from geomem.contexts.origin import Contexts, Origin
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.models.specs import TransformerSpec
from geomem.objectives.next_token import NextToken
from geomem.tasks.contexts import ContextsTask, task_contexts
from geomem.tasks.specs import ContextsSpec, InContextPathSpec, InWeightsPathSpec
from geomem.texts.tokens import tokenise
from tests.contexts.samples import count_by_hand, pairs_of
from tests.texts.samples import pages

STORY = pages(6000)


@pytest.fixture
def story(tmp_path: Path) -> str:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    return str(file)


def model_of(task: ContextsTask) -> nn.Module:
    return TransformerSpec(width=16, layers=1, heads=2).build(task.vocabulary.size, 0)


def test_the_loss_over_distinct_contexts_is_the_loss_over_all_samples(story: str):
    task = ContextsSpec(text=story, context=3, most=None).build(0)
    assert task.tokenizer is not None
    windows = tokenise([STORY], task.tokenizer).long().unfold(0, 4, 1)
    model = model_of(task).eval()
    with torch.no_grad():
        logits = model(input_ids=windows[:, :3]).logits[:, -1]
        every = float(nn.functional.cross_entropy(logits.double(), windows[:, 3]))
        accuracy = float((logits.argmax(-1) == windows[:, 3]).double().mean())
        objective = float(NextToken()(model, task.streams()["contexts"].full()))
    found = task.score(model)
    assert len(task.matrix) < len(windows)
    assert objective == pytest.approx(every, rel=1e-6)
    assert found["contexts/loss"] == pytest.approx(every, rel=1e-6)
    assert found["contexts/accuracy"] == pytest.approx(accuracy, rel=1e-6)
    assert found["contexts/entropy_gap"] == pytest.approx(every - task.floor, rel=1e-5)


class Knows(nn.Module):
    """Answers with the logarithm of what the matrix holds, or of the frequencies alone."""

    def __init__(self, task: ContextsTask, contexts: bool) -> None:
        super().__init__()
        table = (task.matrix.dense() if contexts else (task.matrix.dense() @ task.matrix.shares())[:, None]).log()
        self.table, self.contexts = table.clamp(min=-100), contexts
        self.rows = {tuple(row): place for place, row in enumerate(task.matrix.contexts.tolist())}

    def forward(self, input_ids: torch.Tensor, logits_to_keep: int = 0):
        places = [self.rows[tuple(row)] if self.contexts else 0 for row in input_ids.tolist()]
        return type("Output", (), {"logits": self.table[:, places].T[:, None]})


def test_the_floor_and_chance_are_what_such_models_reach(story: str):
    task = ContextsSpec(text=story, context=2, most=40).build(0)
    best = task.score(Knows(task, contexts=True))
    assert best["contexts/entropy_gap"] == pytest.approx(0, abs=1e-6)
    assert best["contexts/loss"] == pytest.approx(task.floor, rel=1e-6)
    guess = task.score(Knows(task, contexts=False))
    assert guess == pytest.approx(task.chance, rel=1e-5)
    assert task.score(Knows(task, contexts=True), parts=["edges"]) == {}


def test_saved_counts_are_the_same_task(story: str, tmp_path: Path):
    made = ContextsSpec(text=story, context=2, most=30).build(0)
    whole = text_contexts(story, TextSettings(context=2))
    save_contexts(whole, tmp_path / "saved")
    again = ContextsSpec(text=str(tmp_path / "saved"), most=30).build(1)
    assert torch.equal(again.matrix.contexts, made.matrix.contexts)
    assert torch.equal(again.matrix.probs, made.matrix.probs)
    assert again.chance == made.chance
    assert again.vocabulary.names([2, 3]) == made.vocabulary.names([2, 3])
    with pytest.raises(InputError, match="context belongs to a text"):
        ContextsSpec(text=str(tmp_path / "saved"), context=2).build(0)


def test_counts_without_a_tokenizer_are_named_by_number(tmp_path: Path):
    matrix = task_contexts(InWeightsPathSpec().build(0), 2, streams=["edges"])
    save_contexts(Contexts(matrix, Origin(context=2)), tmp_path / "saved")
    task = ContextsSpec(text=str(tmp_path / "saved")).build(0)
    assert task.tokenizer is None
    assert task.vocabulary.names([3, 1]) == ["3", "1"]
    with pytest.raises(IndexError):
        task.vocabulary.name(matrix.vocabulary)


def test_padded_prefixes_are_not_trained_on(story: str, tmp_path: Path):
    save_contexts(text_contexts(story, TextSettings(context="full", window=4)), tmp_path / "saved")
    with pytest.raises(InputError, match="no rows of tokens to train on"):
        ContextsSpec(text=str(tmp_path / "saved")).build(0)


# -- the contexts of any task ----------------------------------------------------------------------------------------


def test_the_contexts_of_edges_are_their_own():
    task = InWeightsPathSpec().build(0)
    own = task.edges.matrix
    found = task_contexts(task, streams=["edges"])
    assert pairs_of(found) == pairs_of(own)
    assert float(found.entropy()) == pytest.approx(float(own.entropy()))


def test_the_contexts_of_prompts_are_the_prefixes_of_labelled_places():
    task = InContextPathSpec(length=3, num_nodes=9, train_size=50).build(0)
    batch = task.streams()["paths"].full()
    length = batch.tokens.shape[1] - 1
    expected = {}
    for tokens, labels in zip(batch.tokens.tolist(), batch.labels.tolist(), strict=True):
        for place in range(1, len(tokens)):
            if labels[place] >= 0:
                before = tuple(tokens[:place])
                key = ((PAD,) * (length - place) + before, labels[place])
                expected[key] = expected.get(key, 0) + 1
    assert pairs_of(task_contexts(task)) == expected
    last = task_contexts(task, 2)
    assert last.samples == sum(expected.values())
    assert last.length == 2


def test_all_streams_together_are_padded_to_the_longest():
    task = InWeightsPathSpec().build(0)
    found = task_contexts(task)
    edges, paths = (task_contexts(task, streams=[name]) for name in ("edges", "paths"))
    assert found.samples == edges.samples + paths.samples
    assert found.length == max(edges.length, paths.length)
    assert found.padded


def test_an_unknown_stream_is_refused():
    with pytest.raises(InputError, match="no stream 'leaves'; choose from: edges, paths"):
        task_contexts(InWeightsPathSpec().build(0), streams=["leaves"])


def test_a_text_task_has_the_contexts_of_its_windows(story: str):
    from geomem.tasks.specs import TextSpec

    task = TextSpec(text=story, vocabulary=300, context=8).build(0)
    rows = task.streams()["text"].full().tokens.tolist()
    assert pairs_of(task_contexts(task, 3)) == count_by_hand(rows, 3)
    assert math.isclose(task_contexts(task, 3).samples, len(rows) * 5)
