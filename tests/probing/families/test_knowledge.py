from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from geomem.probing.extra import Task
from geomem.probing.families.knowledge import Knowledge
from geomem.probing.rows import Rows
from tests.probing import tiny


def test_a_graph_of_names_is_measured_at_the_layers_asked_for(tmp_path: Path) -> None:
    file, sentences = tmp_path / "g.csv", tmp_path / "t.txt"
    names = ["Ann", "Ben", "Cid", "Dot", "Eve", "Fay", "Gus", "Hal"]
    file.write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in pairwise(names)))
    sentences.write_text("{name}\nThey met {name}\n")
    settings = tiny.spec(graph=str(file), templates=str(sentences), layers=(1, 3))
    task, rows = Task(tiny.subject(), "", settings, tiny.plan(settings)), Rows("tiny")
    Knowledge().measure(task, rows, lambda _name, _done, _total: None)
    assert {row.layer for row in rows.rows if row.metric == "knowledge/cosine"} == {1, 3}
    assert rows.value("knowledge/nodes") == 8
    assert rows.value("knowledge/names/cosine") == rows.value("knowledge/names/cosine")
    assert any("8 names of" in line for line in rows.lines)
    assert "knowledge/placed" not in rows.arrays  # no true places


@pytest.mark.slow
def test_countries_come_with_sentences_and_a_map() -> None:
    settings = tiny.spec(graph="countries:component=largest", layers=(2,))
    task, rows = Task(tiny.subject(), "", settings, tiny.plan(settings)), Rows("tiny")
    Knowledge().measure(task, rows, lambda _name, _done, _total: None)
    placed = rows.arrays["knowledge/placed"]
    assert placed.shape == (len(rows.arrays["knowledge/nodes"]), 2)
    assert torch.isfinite(placed).all()
    assert rows.value("knowledge/ridge_r2", 2) < 0.6  # a random network knows no map; spelling gives a little
