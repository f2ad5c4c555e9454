from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomem.graphs.graph import Graph
from geomem.graphs.parse import graph_from_text
from geomem.graphs.wordnet import WordnetSpec
from tests.graphs.checks import fails

small = pytest.mark.usefixtures("small_wordnet")


def named(graph: Graph) -> set[tuple[str, str]]:
    return {(graph.label(u), graph.label(v)) for u, v in graph.edges.tolist()}


@small
def test_kinds_from_the_general_to_the_special() -> None:
    graph = WordnetSpec().build(0)
    assert graph.labels == ("entity", "animal", "artifact", "domestic dog", "crane (2)", "crane", "toy dog")
    assert graph.groups == ("top", "animal", "artifact", "animal", "animal", "artifact", "animal")
    assert named(graph) == {
        ("entity", "animal"), ("entity", "artifact"), ("animal", "domestic dog"), ("animal", "crane (2)"),
        ("artifact", "crane"), ("domestic dog", "toy dog"), ("artifact", "toy dog"),
    }  # fmt: skip
    assert graph.root is None


@small
def test_instances() -> None:
    graph = WordnetSpec(instances=True).build(0)
    assert graph.num_nodes == 8
    assert named(graph) - named(WordnetSpec().build(0)) == {("domestic dog", "Fido")}


@small
def test_below_a_meaning() -> None:
    graph = graph_from_text("wordnet:below=animal").build(0)
    assert graph.name == "wordnet below animal"
    assert graph.labels == ("animal", "domestic dog", "crane (2)", "toy dog")
    # The toy dog is also an artifact here; that edge leads out of the part.
    assert named(graph) == {("animal", "domestic dog"), ("animal", "crane (2)"), ("domestic dog", "toy dog")}
    assert graph.root == 0
    assert named(WordnetSpec(below="domestic dog", instances=True).build(0)) == {
        ("domestic dog", "toy dog"), ("domestic dog", "Fido")
    }  # fmt: skip


@small
def test_the_root_need_not_be_the_first_node(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.graphs.wordnet import _below

    graph = Graph("g", 4, np.array([[2, 0], [0, 1], [3, 1]]), labels=("a", "b", "c", "d"))
    part = _below(graph, "c")
    assert part.labels == ("a", "b", "c")
    assert part.root == 2
    assert named(part) == {("c", "a"), ("a", "b")}


@small
def test_bad_settings() -> None:
    fails(lambda: WordnetSpec(below="domestic do").build(0), "wordnet: no meaning 'domestic do'; did you mean 'dome")
    fails(lambda: WordnetSpec(below="zzz").build(0), "no meaning 'zzz'; a meaning goes by its first word, such as 'do")
    fails(lambda: WordnetSpec(below="crane").build(0), "wordnet: nothing lies below 'crane'")
    fails(lambda: graph_from_text("wordnet:belo=dog"), "did you mean 'below'?")


def test_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOMEM_CACHE", str(tmp_path))
    fails(lambda: WordnetSpec().build(0), "wordnet: not fetched yet; run: geomem fetch wordnet")
