from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from geomem.errors import InputError, RunError
from geomem.probing import run as module
from geomem.probing.run import resume_probe, start_probe, steps_of
from geomem.probing.spec import ProbeSpec
from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits
from geomem.runs.tables import read_measurements
from tests.probing import tiny

FAST = ("spectrum", "updates", "lens", "attention", "comparison")


def _spec(folder: Path, **changes: Any) -> ProbeSpec:
    base = {"models": (str(folder / "m"),), "text": str(tiny.text_file(folder)), "max_tokens": 512, "batch_tokens": 128,
            "context": 32, "sample": 100, "measure": FAST, "controls": ("untrained",), "threads": 1}  # fmt: skip
    return ProbeSpec.model_validate({**base, **changes})


def _console() -> Console:
    return Console(file=io.StringIO())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("models")
    tiny.saved(tiny.gpt2(), found / "m")
    tiny.saved(tiny.llama(), found / "n")
    return found


def _values(run: Run) -> dict[tuple[Any, ...], float]:
    rows = read_measurements(run.path / "measurements.parquet")
    return {(row.model, row.condition, row.layer, row.metric): row.value for row in rows}


def test_a_probe_leaves_rows_pictures_and_sentences(folder: Path, tmp_path: Path) -> None:
    run = start_probe(_spec(folder), tmp_path / "runs", _console())
    found = _values(run)
    assert {key[1] for key in found} == {"", "untrained", "chance"}
    assert ("m", "", 1, "spectrum/rankme") in found
    ids = {one.id for one in read_exhibits(run.path / "exhibits")}
    assert {"depth-profiles", "cka-map", "sink-map", "spectra", "all-layers-0"} <= ids
    assert "3 blocks of width 16" in run.info.finding
    assert run.info.notes
    assert run.info.kind == "probe"
    assert run.info.choices["device"].startswith("cpu")
    assert not (run.path / "passes" / "tokens").exists()


def test_an_interrupted_probe_goes_on_to_the_same_numbers(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start_probe(_spec(folder), tmp_path / "whole", _console())
    calls = iter(range(1000))

    class Asked:
        def __enter__(self) -> Asked:
            return self

        def __exit__(self, *_: object) -> None: ...

        @property
        def asked(self) -> bool:
            return next(calls) == 5

    monkeypatch.setattr(module, "GracefulInterrupt", Asked)
    with pytest.raises(KeyboardInterrupt):
        start_probe(_spec(folder), tmp_path / "part", _console())
    monkeypatch.undo()
    (path,) = (tmp_path / "part").iterdir()
    assert Run.open(path).info.status == "interrupted"
    resumed = resume_probe(path, _console())
    one, two = _values(whole), _values(resumed)
    assert one.keys() == two.keys()
    assert all(two[key] == value or value != value for key, value in one.items())  # noqa: PLR0124
    resumed.finish("finished", 1.0)
    with pytest.raises(RunError, match="has ended already"):
        resume_probe(path, _console())


def test_two_models_are_compared_on_the_same_words(folder: Path, tmp_path: Path) -> None:
    models = (str(folder / "m"), str(folder / "n"))
    run = start_probe(_spec(folder, models=models, controls=()), tmp_path / "runs", _console())
    found = _values(run)
    assert ("m / n", "", 0, "models/best_cka") in found
    ids = {one.id for one in read_exhibits(run.path / "exhibits")}
    assert any(name.startswith("models-cka") for name in ids)
    assert {"all-layers-0", "all-layers-1"} <= ids


def test_a_series_is_followed_over_its_steps(folder: Path, tmp_path: Path) -> None:
    steps = (0, 10, 100)
    models = tuple(str(tiny.saved(tiny.gpt2(seed), tmp_path / f"step-{step}")) for seed, step in enumerate(steps))
    spec = _spec(folder, models=models, series=True, steps=steps, controls=("untrained",))
    passes = [(step.step, step.condition) for step in steps_of(spec)]
    assert passes == [(0, ""), (10, ""), (100, ""), (100, "untrained")]
    run = start_probe(spec, tmp_path / "runs", _console())
    ids = {one.id for one in read_exhibits(run.path / "exhibits")}
    assert "training-spectrum-rankme" in ids
    assert any(note.startswith("Over 3 checkpoints") for note in run.info.notes)


def test_bad_input_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    empty, binary = tmp_path / "empty.txt", tmp_path / "binary.txt"
    empty.write_text("")
    binary.write_bytes(b"abc\0def")
    for changes, said in (
        ({"models": (str(tmp_path / "nowhere"),)}, "no such file or folder"),
        ({"text": str(tmp_path / "no.txt")}, "no such text"),
        ({"text": str(empty)}, "the text is empty"),
        ({"text": str(binary)}, "a binary file, not text"),
        ({"context": 65}, "takes windows of at most 64 tokens"),
        ({"batch_tokens": 16}, "a batch must hold one window of 32 tokens"),
    ):
        with pytest.raises(InputError, match=said):
            start_probe(_spec(folder, **changes), out, _console())
        assert not out.exists() or not list(out.iterdir()), said
    short = tmp_path / "short.txt"
    short.write_text("Too short for a window.")
    with pytest.raises(InputError, match=r"fewer than one window of 32; a --context of \d+ or less would fit"):
        start_probe(_spec(folder, text=str(short)), out, _console())
    assert not list(out.iterdir())


def test_only_a_probe_can_be_resumed(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "x", "train", {}, [0])
    run.unlock()
    with pytest.raises(RunError, match="is a train run, not a probe"):
        resume_probe(run.path, _console())
