"""Everything registered goes through the same checks; a part without a test fails the build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.geometry.measurement import Measurement
from geomem.registry import Registry
from tests.contract import checks
from tests.geometry.next_token_samples import random_support, uneven
from tests.geometry.samples import both, normal, path_star

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("kind", "name"), checks.parts())
def test_listed_and_described(kind: str, name: str) -> None:
    checks.check_listed(kind, name)


@pytest.mark.parametrize(("kind", "name"), checks.parts(*checks.SPECS))
def test_settings(kind: str, name: str, tmp_path: Path) -> None:
    checks.check_settings(kind, name, tmp_path)


@pytest.mark.usefixtures("small_wordnet")
@pytest.mark.parametrize("name", checks.names("graph"))
def test_graphs(name: str, tmp_path: Path) -> None:
    checks.check_graph(name, tmp_path)


@pytest.mark.parametrize("name", checks.names("task"))
def test_tasks(name: str, tmp_path: Path) -> None:
    checks.check_task(name, tmp_path)


@pytest.mark.parametrize("name", checks.names("task"))
def test_tasks_build_from_their_defaults(name: str, tmp_path: Path) -> None:
    assert checks.spec_of("task", name, tmp_path).build(0).streams("train")


@pytest.mark.parametrize("name", checks.names("model"))
def test_models(name: str, tmp_path: Path) -> None:
    checks.check_model(name, tmp_path)


@pytest.mark.parametrize("name", checks.names("objective"))
def test_objectives(name: str, tmp_path: Path) -> None:
    checks.check_objective(name, tmp_path)


@pytest.mark.parametrize("name", checks.names("measurement"))
def test_measurements(name: str) -> None:
    checks.check_measurement(name, evidence(0), evidence(1))


@pytest.mark.parametrize("name", checks.names("study"))
def test_studies(name: str) -> None:
    checks.check_study(name)


def evidence(seed: int) -> dict[str, Any]:
    """Return evidence of every name that tasks and models provide; another seed gives others of the same shape."""
    edges, paths = path_star(6, 4, seed)
    if seed:
        # Another graph, not only other names of its nodes: a figure of the graph alone must see the difference.
        edges = torch.cat([edges[:-1], edges[:1].flip(1) * 0 + torch.tensor([[int(paths[0, 2]), int(paths[1, 2])]])])
        edges = torch.cat([edges, torch.tensor([[int(paths[2, 3]), int(paths[3, 3])]])])
    count = 19
    return {
        "embeddings": normal(count, 8, seed=10 * seed).float(),
        "output_embeddings": normal(count, 8, seed=10 * seed + 1).float(),
        "token_table": normal(count + 9, 8, seed=10 * seed + 2).float(),
        "layer_weight": normal(8, 8, seed=10 * seed + 3).float(),
        "edges": both(edges),
        "graph_edges": edges,
        "num_nodes": count + seed,
        "edge_logits": normal(count, count + 9, seed=10 * seed + 4).float(),
        "paths": paths,
        "held_out": (torch.arange(6) + seed) % 6 >= 4,
        "coordinates": 30 * normal(count, 2, seed=10 * seed + 5),
        "coordinate_kind": ("plane", "sphere")[seed],
        "root": int(paths[0, 0]),
        "families": torch.arange(count) % (3 + seed),
        **next_tokens(seed),
    }


def next_tokens(seed: int) -> dict[str, Any]:
    """Return evidence of 12 contexts of which two each share a support, over 7 next tokens."""
    support = random_support(7, 6, 4, seed).repeat(1, 2)
    probs, shares = uneven(support, seed)
    return {
        "next_token_logits": normal(7, 12, seed=10 * seed + 6).float(),
        "next_token_probs": probs,
        "context_shares": shares,
        "context_vectors": normal(5, 12, seed=10 * seed + 7).float(),
    }


# -- the build fails for a part that nobody tests --------------------------------------------------------------------


def _entries(registry: Registry[Any]) -> dict[str, str]:
    return {name: registry._entry(name)[0] for name in registry}


@pytest.mark.parametrize("kind", checks.KINDS)
def test_every_part_has_a_test(kind: str) -> None:
    assert checks.untested(_entries(checks.registries(kind)[kind]), TESTS) == []


def test_a_part_without_a_test_is_found(tmp_path: Path) -> None:
    entries = {"cycle": "geomem.graphs.cycle:CycleSpec", "cosine-level": "geomem.geometry.cosine:COSINE_LEVEL"}
    assert [line.split(":")[0] for line in checks.untested(entries, tmp_path)] == ["cycle", "cosine-level"]
    for room, stem in (("graphs", "cycle"), ("geometry", "cosine")):
        (tmp_path / room).mkdir()
        (tmp_path / room / f"test_{stem}.py").write_text("def test_other_CycleSpecs(): ...\n")
    assert all("mentions" in line for line in checks.untested(entries, tmp_path))
    assert len(checks.untested(entries, tmp_path)) == 2
    (tmp_path / "graphs" / "test_cycle.py").write_text("from geomem.graphs.cycle import CycleSpec\n")
    (tmp_path / "geometry" / "test_cosine.py").write_text("found = measure_cosine_level(table, edges)\n")
    assert checks.untested(entries, tmp_path) == []


# -- the checks themselves can fail ----------------------------------------------------------------------------------


def _measurement(function: Any) -> Measurement:
    return Measurement("cosine-level", function, source="here", chance="none")


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (lambda embeddings, edges: {"x": float(embeddings.sum())}, "declares 'edges' and does not read it"),
        (lambda embeddings, edges: {"x": float(embeddings.zero_().sum() + edges.sum())}, "changed its input"),
        (lambda embeddings, edges: {"x": float(torch.rand(()))}, "other numbers"),
    ],
)
def test_a_bad_measurement_is_caught(monkeypatch: pytest.MonkeyPatch, function: Any, complaint: str) -> None:
    monkeypatch.setattr(checks, "get", lambda _kind, _name: _measurement(function))
    with pytest.raises(AssertionError, match=complaint):
        checks.check_measurement("cosine-level", evidence(0), evidence(1))


def test_a_task_that_changes_the_mode_of_a_model_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = checks.spec_of("task", "in-weights-edges", tmp_path, small=True).build(0)
    score = task.score
    monkeypatch.setattr(task, "score", lambda model, device: (score(model, device=device), model.eval())[0])
    with pytest.raises(AssertionError):
        checks.check_score(task, checks.Uniform(task.vocabulary.size))
