"""Word-vector models on tasks: what each needs, what its states give, and that unconstrained features fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.next_token import entropy_gap
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.runs.tables import History
from geomem.solvers.gradient_descent import descend
from geomem.solvers.ridge_path import ridge_path
from geomem.spec import validate
from geomem.training.cost import estimate
from geomem.training.spec import TrainSpec
from geomem.training.vector_courses import context_matrix, vector_course
from geomem.training.word_vectors import train_vectors
from tests.texts.samples import pages
from tests.training.settings import new_run

NEXT_TOKEN = ["entropy-gap", "finite-part", "support-direction", "subspace-collapse"]
RING = {"kind": "in-weights-edges", "graph": {"kind": "cycle", "nodes": 9}}


def features(**changes: Any) -> TrainSpec:
    model = {"kind": "unconstrained-features", "width": 12, **changes.pop("model", {})}
    return validate(TrainSpec, {"task": RING, "threads": 1, "evaluate_every": 500, "model": model, **changes})


def test_descent_is_the_solvers_and_its_run_reopens(tmp_path: Path) -> None:
    spec = features(model={"steps": 2000}, measure=[*NEXT_TOKEN, "cosine-level", "edge-fit"])
    run = new_run(tmp_path, spec)
    trained = train_vectors(spec, run)
    task: Any = spec.task
    matrix = context_matrix(task.build(0)).compact()
    peer = UnconstrainedFeatures.from_seed(9, 9, 12, 0.1, 0)
    (last,) = descend(peer, matrix.dense(), matrix.shares(), 0.2, 2000)
    again = UnconstrainedFeatures.from_pretrained(run.checkpoint)
    assert torch.equal(again.words, last.words)
    assert torch.equal(again.contexts, last.contexts)
    history = History.read(run.path / "history.parquet")
    assert history.steps == [0, 500, 1000, 1500, 2000]
    gap = float(entropy_gap(last.words @ last.contexts, matrix.dense(), matrix.shares()))
    assert history.last("gap") == history.last("entropy-gap/gap") == pytest.approx(gap)
    assert history.last("loss") == pytest.approx(gap + float(matrix.entropy()))
    gaps = history.series("gap")[1]
    assert gaps == sorted(gaps, reverse=True)
    # On a ring context j is node j: what reads embeddings of nodes reads context vectors.
    assert history.last("cosine-level/level") is not None
    assert trained.status == "finished"


def test_the_ridge_path_is_the_solvers(tmp_path: Path) -> None:
    spec = features(model={"optimiser": "ridge-path", "ridges": [1e-2, 1e-4]}, measure=NEXT_TOKEN)
    run = new_run(tmp_path, spec)
    train_vectors(spec, run)
    task: Any = spec.task
    matrix = context_matrix(task.build(0)).compact()
    points = ridge_path(matrix.dense(), matrix.shares(), 12, [1e-2, 1e-4])
    history = History.read(run.path / "history.parquet")
    assert spec.steps == 2
    assert history.steps == [0, 1, 2]
    assert history.series("ridge") == ([1, 2], [1e-2, 1e-4])
    assert history.series("gap")[1][1:] == [point.gap for point in points]
    assert history.last("certificate") == pytest.approx(1, abs=1e-3)
    # On a ring the centred support is near the true direction, and not equal to it.
    assert 0.97 < (history.last("support-direction/directional") or 0) < 0.999


def test_a_path_task_gives_its_edges_and_other_tasks_say_what_they_lack(tmp_path: Path) -> None:
    star = {"kind": "in-weights-path", "graph": {"kind": "path-star", "arms": 4, "length": 3}}
    spec = features(task=star, model={"steps": 20}, measure=["entropy-gap", "path-distance"])
    assert train_vectors(spec, new_run(tmp_path, spec)).history.steps == [0, 20]
    for changes, said in (
        ({"task": "in-context-path"}, "task 'in-context-path' has no distinct contexts to give vectors to"),
        ({"measure": ["skewed-low-rank"]}, "needs 'token_table'"),
        ({"model": {"kind": "node2vec", "steps": 5}, "measure": ["finite-part"]}, "needs 'next_token_logits'"),
    ):
        wrong = features(**changes)
        with pytest.raises(InputError, match=said):
            train_vectors(wrong, new_run(tmp_path, wrong))


def test_the_contexts_of_a_text_are_trained_on_over_its_next_tokens(tmp_path: Path) -> None:
    file = tmp_path / "pages.txt"
    file.write_text(pages(4000), encoding="utf-8")
    task = {"kind": "contexts", "text": str(file), "context": 2, "most": 20}
    spec = features(task=task, model={"optimiser": "ridge-path", "ridges": [1e-2, 1e-4]}, measure=NEXT_TOKEN)
    trained = train_vectors(spec, new_run(tmp_path, spec))
    model: Any = trained.model
    built: Any = spec.task
    matrix = context_matrix(built.build(0))
    assert model.words.shape == (len(matrix.types), 12)
    assert model.contexts.shape == (12, 20)
    gaps = trained.history.series("gap")[1]
    assert gaps == sorted(gaps, reverse=True)


def test_a_node_is_embedded_by_its_context_and_predicted_by_its_word() -> None:
    """A row of the edge logits is the node that stands before, as for every other model."""
    task: Any = features().task
    course = vector_course(features().model, task.build(0), 0)
    model = UnconstrainedFeatures.from_seed(9, 9, 12, 0.1, 0)
    found = course.evidence(model)
    assert found.keys() == course.gives
    torch.testing.assert_close(found["embeddings"], model.contexts.detach().T)
    torch.testing.assert_close(found["output_embeddings"], model.words.detach())
    torch.testing.assert_close(found["edge_logits"], model(torch.arange(9)).detach())
    torch.testing.assert_close(found["next_token_logits"], model.logits().detach())


def test_contexts_that_are_no_nodes_give_no_embeddings() -> None:
    """With edges from parents to children alone, leaves have no context, so that contexts are not the nodes."""
    star = {"kind": "in-weights-edges", "graph": {"kind": "path-star", "arms": 4, "length": 3}, "directions": "forward"}
    task: Any = features(task=star).task
    course = vector_course(features().model, task.build(0), 0)
    assert "embeddings" not in course.gives
    assert "next_token_logits" in course.gives


def test_bad_ridges_and_a_cost() -> None:
    with pytest.raises(InputError, match="falling numbers above 0"):
        features(model={"ridges": [1e-4, 1e-2]})
    cost = estimate(features(model={"optimiser": "ridge-path"}))
    assert (cost.steps, cost.parameters) == (5, 2 * 9 * 12)
    assert cost.seconds > 0
    assert estimate(features(model={"steps": 4000})).steps == 4000
