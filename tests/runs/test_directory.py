from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.runs.directory import FORMAT, Run, find_runs


def _create(parent: Path) -> Path:
    run = Run.create(parent, "same name", "train", {"a": 1}, [0])
    run.unlock()
    return run.path


def test_two_runs_never_share_a_directory(tmp_path: Path) -> None:
    assert len({_create(tmp_path) for _ in range(5)}) == 5


def test_processes_that_start_together_get_their_own_directories(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        paths = pool.map(_create, [tmp_path] * 8)
    assert len(set(paths)) == 8


def test_header_holds_what_a_repetition_needs(tmp_path: Path) -> None:
    path = _create(tmp_path)
    header = json.loads((path / "run.json").read_text())
    assert header["spec"] == {"a": 1}
    assert header["seeds"] == [0]
    assert header["versions"]["torch"]
    assert header["command"]
    assert header["environment"]["cores"]


def test_a_run_in_use_cannot_be_taken(tmp_path: Path) -> None:
    first = Run.create(tmp_path, "x", "train", {}, [0])
    second = Run.open(first.path)
    with pytest.raises(RunError, match="in use by another process"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_a_fixed_place_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(RunError, match="exists already"):
        Run.create_at(tmp_path / "here", "x", "train", {}, [0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "it has no run.json"),
        ("{", "cannot be read as JSON"),
        (
            '{"format": 99, "versions": {"geomem": "9.9"}}',
            "run format 99, this geomem reads format 1; open it with geomem 9.9",
        ),
        ("[]", "run format None"),
        (f'{{"format": {FORMAT}, "kind": "train"}}', "Field required"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, content: str | None, expected: str) -> None:
    path = tmp_path / "run"
    path.mkdir()
    if content is not None:
        (path / "run.json").write_text(content)
    with pytest.raises(RunError) as caught:
        Run.open(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_directory_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run directory"):
        Run.open(tmp_path / "nothing")
    with pytest.raises(RunError, match="no such directory"):
        find_runs(tmp_path / "nothing")


def test_find_runs_passes_over_what_it_cannot_read(tmp_path: Path) -> None:
    path = _create(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    assert [run.path for run in find_runs(tmp_path)] == [path]


def test_out_below_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="a file, not a folder"):
        Run.create(tmp_path / "file" / "deeper", "x", "train", {}, [0])
    with pytest.raises(RunError, match="a file, not a folder"):
        Run.create(tmp_path / "file", "x", "train", {}, [0])


def test_finish_records_how_it_ended_and_frees_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "x", "train", {}, [0])
    run.finish("diverged", 1.5, "why")
    again = Run.open(run.path)
    again.lock()
    assert again.finished
    assert (again.info.status, again.info.seconds, again.info.message) == ("diverged", 1.5, "why")
    again.unlock()
