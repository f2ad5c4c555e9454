from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from geomem.errors import RunError
from geomem.runs.directory import Run
from geomem.runs.listing import RunListing, list_runs


def _text(listing: RunListing) -> str:
    console = Console(file=io.StringIO(), width=200)
    for one in listing.renderables():
        console.print(one)
    return console.file.getvalue()  # type: ignore[attr-defined]


def _run(parent: Path, name: str, started: str, **info: object) -> Run:
    run = Run.create(parent, name, "train", {}, [0, 2])
    run.save_info(started=started, **info)
    run.unlock()
    return run


def test_oldest_first_with_what_came_out(tmp_path: Path) -> None:
    _run(tmp_path, "a-young", "2026-01-02T10:00:00+00:00", status="diverged", message="the loss became nan")
    _run(tmp_path, "b-old", "2026-01-01T10:00:00+00:00", status="finished", seconds=61.4, finding="found [it]")
    (tmp_path / "not-a-run").mkdir()
    listing = list_runs(tmp_path)
    data = json.loads(json.dumps(listing.data()))
    assert [row["name"] for row in data] == ["b-old", "a-young"]
    assert data[0]["finding"] == "found [it]"
    assert data[0]["seeds"] == [0, 2]
    assert Path(data[0]["path"]).parent == tmp_path
    shown = _text(listing)
    assert shown.index("b-old") < shown.index("a-young")
    for words in ("found [it]", "the loss became nan", "61 s", "2026-01-01 10:00", "diverged"):
        assert words in shown


def test_an_empty_folder_and_a_missing_one(tmp_path: Path) -> None:
    assert list_runs(tmp_path).data() == []
    assert "no runs in" in _text(list_runs(tmp_path))
    with pytest.raises(RunError, match="no such directory"):
        list_runs(tmp_path / "nowhere")
