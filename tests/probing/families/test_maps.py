from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from geomem.probing.extra import Task
from geomem.probing.families.maps import Maps
from geomem.probing.rows import Rows
from tests.probing import tiny


def _task(models: tuple[str, ...], name: str) -> Task:
    settings = tiny.spec(models=models, dtype="float32")
    return Task(replace(tiny.subject(name=name)), "", settings, tiny.plan(settings))


def test_a_model_maps_onto_its_copy_layer_by_layer(tmp_path: Path) -> None:
    folders = tuple(str(tiny.saved(tiny.gpt2(), tmp_path / name)) for name in "ab")
    rows = Rows("b")
    Maps().measure(_task(folders, "b"), rows, lambda _name, _done, _total: None)
    assert [rows.value("map/best_source", layer) for layer in range(tiny.LAYERS + 1)] == list(range(tiny.LAYERS + 1))
    assert all(rows.value("map/error", layer) < 0.05 for layer in range(tiny.LAYERS + 1))
    assert rows.value("map/monotone") == 1


def test_what_cannot_be_mapped_is_said(tmp_path: Path) -> None:
    single, first = Rows("a"), Rows("a")
    Maps().measure(_task(("a",), "a"), single, lambda _name, _done, _total: None)
    assert single.lines == ["maps: linear maps between models need two models"]
    Maps().measure(_task(("a", "b"), "a"), first, lambda _name, _done, _total: None)
    assert first.lines == first.rows == []
