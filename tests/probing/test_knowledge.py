from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.graphs.graph import Graph
from geomem.probing.knowledge import Question, ask, measure_states, node_states
from geomem.probing.rows import Rows
from tests.probing import tiny

NAMES = ("Ann", "Ben", "Cid", "Dot", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon")


def _grid_file(folder: Path) -> Path:
    file = folder / "ring.csv"
    pairs = [f"{one},{two}" for one, two in zip(NAMES, [*NAMES[1:], NAMES[0]], strict=True)]
    file.write_text("source,target\n" + "\n".join(pairs) + "\n", encoding="utf-8")
    return file


def _question() -> Question:
    count = 24
    edges = np.stack([np.arange(count), (np.arange(count) + 1) % count], axis=1)
    angles = 2 * np.pi * np.arange(count) / count
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    graph = Graph("ring", count, edges, labels=tuple(f"n{i}" for i in range(count)), coordinates=places)
    return Question(graph, tuple(range(count)), (), "planted")


def test_a_planted_map_is_found_and_a_random_one_is_not() -> None:
    question = _question()
    assert question.graph.coordinates is not None
    places = torch.from_numpy(question.graph.coordinates).float()
    generator = torch.Generator().manual_seed(0)
    planted = places @ torch.randn(2, 12, generator=generator) + 50.0  # a large common vector hides nothing
    random = torch.randn(24, 12, generator=generator)
    rows = Rows("m")
    measure_states(question, [random, planted], planted, [0, 1], rows)
    assert rows.value("knowledge/cosine", 1) > 0.9
    assert rows.value("knowledge/ridge_r2", 1) > 0.99
    assert rows.value("knowledge/fiedler", 1) > 0.9
    assert abs(rows.value("knowledge/cosine", 0)) < 0.3
    assert rows.value("knowledge/ridge_r2", 0) < 0.3
    assert rows.value("knowledge/names/cosine") == pytest.approx(rows.value("knowledge/cosine", 1))
    chance = [row for row in rows.rows if row.condition == "chance" and row.metric == "knowledge/cosine"]
    assert {row.layer for row in chance} == {0, 1}
    own = next(row for row in rows.rows if row.metric == "knowledge/cosine" and row.layer == 1)
    assert own.low is not None
    assert own.high is not None
    assert own.low < own.value <= own.high


def test_states_are_means_over_sentences_at_the_last_token_of_the_name() -> None:
    subject = tiny.subject(tiny.llama())
    graph = Graph("pair", 2, np.array([[0, 1]]), labels=("Darcy", "Bingley"))
    places = tuple((node, f"I met {name} here", 6, 6 + len(name)) for node, name in enumerate(graph.labels or ()))
    question = Question(graph, (0, 1), (*places, (0, "Darcy", 0, 5)), "test")
    states, names = node_states(subject.adapter, subject.tokenizer, question)
    expected = []
    for sentence, start, end in (("I met Darcy here", 6, 11), ("Darcy", 0, 5)):
        encoded = subject.tokenizer(sentence, return_offsets_mapping=True)
        last = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > start and b > a][-1]
        with torch.no_grad():
            full = subject.model(torch.tensor([encoded["input_ids"]]), output_hidden_states=True).hidden_states
        expected.append(full[1][0, last])
    torch.testing.assert_close(states[1][0], torch.stack(expected).mean(0))
    assert names.shape == (2, tiny.WIDTH)


def test_names_may_be_looked_up_in_the_text(tmp_path: Path) -> None:
    file = _grid_file(tmp_path)
    text = "Ann met Ben, Cid, Dot, Eve, Fay, Gus and Hal. Ann left."
    question = ask(str(file), "text", lambda: text, 0)
    assert question.graph.num_nodes == 8
    assert set(question.left_out) == {"Ida", "Jon"}
    assert sum(node == 0 for node, *_ in question.places) == 2
    for node, sentence, start, end in question.places:
        assert sentence[start:end] == question.graph.label(node)


def test_a_text_without_the_names_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        ask(str(_grid_file(tmp_path)), "text", lambda: "Ann met Ben.", 0)
    assert "the text holds 2 of its 10 names, at least 8 are needed; it lacks 8, such as 'Cid'" in str(caught.value)
    with pytest.raises(InputError, match="its nodes have no names"):
        ask("cycle", None, lambda: "", 0)
    with pytest.raises(InputError, match="did you mean 'countries'"):
        ask("countrys", None, lambda: "", 0)


def test_countries_ship_with_sentences() -> None:
    question = ask("countries", None, lambda: "", 0)
    assert len(question.places) == question.graph.num_nodes * 7
    assert any("border of Peru" in sentence for _, sentence, _, _ in question.places)
