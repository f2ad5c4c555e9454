from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models.node2vec import Node2Vec
from geomem.runs.directory import Run
from geomem.runs.tables import History, read_measurements
from geomem.spec import validate
from geomem.training.progress import Event
from geomem.training.spec import TrainSpec
from geomem.training.word_vectors import train_vectors
from tests.training.settings import new_run


def vectors(**changes: Any) -> TrainSpec:
    base = {"task": {"kind": "in-weights-edges", "graph": {"kind": "cycle", "nodes": 9}}, "threads": 1,
            "model": {"kind": "node2vec", "width": 12, "steps": 50}, "evaluate_every": 20,
            "measure": ["cosine-level", "top-degree-recovery", "node2vec-stationarity"]}  # fmt: skip
    return validate(TrainSpec, {**base, **changes})


def test_a_run_like_any_other(tmp_path: Path) -> None:
    spec = vectors()
    run = new_run(tmp_path, spec)
    events: list[Event] = []
    trained = train_vectors(spec, run, events.append)
    history = History.read(run.path / "history.parquet")
    assert history.steps == [0, 20, 40, 50]
    losses = history.series("loss")[1]
    assert losses[-1] < losses[0]
    assert trained.status == "finished"
    assert events[-1].done
    again = Node2Vec.from_pretrained(run.checkpoint)
    assert torch.equal(again.weight, trained.model.weight)  # type: ignore[arg-type]
    rows = {row.metric: row.value for row in read_measurements(run.path / "measurements.parquet")}
    assert rows["cosine-level/level"] == history.last("cosine-level/level")
    assert not any(name.startswith("loss") for name in rows)


def test_measurements_are_of_the_moment_not_of_the_end(tmp_path: Path) -> None:
    spec = vectors(evaluate_every=1)
    found = train_vectors(spec, new_run(tmp_path, spec)).history.series("cosine-level/level")[1]
    assert len(set(found)) > 40


def test_it_starts_again_to_the_same_bits(tmp_path: Path) -> None:
    spec = vectors(model={"kind": "node2vec", "width": 12, "steps": 30, "tied": False})
    first, second = new_run(tmp_path, spec), new_run(tmp_path, spec)
    one, two = train_vectors(spec, first), train_vectors(spec, second)
    assert one.history.state() == two.history.state()
    again = train_vectors(spec, Run.open(first.path))
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), again.model.parameters(), strict=True))


def test_the_edges_are_the_tasks_own_directed_ones(tmp_path: Path) -> None:
    plain = vectors()
    with_self = vectors(task={**plain.task.model_dump(), "self_edges": True})
    one, two = (train_vectors(spec, new_run(tmp_path, spec)).history.last("loss") for spec in (plain, with_self))
    assert one != two


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task": "in-context-path"}, "has no edges to place nodes by"),
        ({"measure": ["path-distance"]}, "needs 'paths'"),
        ({"measure": ["skewed-low-rank"]}, "needs 'token_table'"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    spec = vectors(**changes)
    with pytest.raises(InputError, match=expected):
        train_vectors(spec, new_run(tmp_path, spec))


def test_divergence_ends_with_a_message_and_the_last_good_vectors(tmp_path: Path) -> None:
    spec = vectors(model={"kind": "node2vec", "width": 12, "steps": 50, "lr": 1e30})
    run = new_run(tmp_path, spec)
    trained = train_vectors(spec, run)
    assert trained.status == "diverged"
    assert re.fullmatch(r"the loss became (nan|inf|-inf) by step \d+; lower model.lr", trained.message)
    assert all(torch.isfinite(table).all() for table in trained.model.parameters())
    assert (run.path / "checkpoint" / "model.safetensors").is_file()
