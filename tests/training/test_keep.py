from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from geomem.runs.tables import History, Measurement, read_measurements
from geomem.training.keep import keep_checkpoint, keep_results
from tests.training.settings import new_run, small


class Saved(nn.Module):
    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.fails = fails

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "weights").write_text("new")
        if self.fails:
            raise RuntimeError("no")


class Tokenizer:
    def save_pretrained(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text("tokens")


def task(tokenizer: Any = None, chance: dict[str, float] | None = None) -> Any:
    return SimpleNamespace(tokenizer=tokenizer, chance=chance or {})


def history() -> History:
    made = History()
    made.add(0, {"edges/accuracy": 0.1})
    made.add(4, {"loss": 2.0, "loss/edges": 2.0, "lr": 1.0, "gradient_norm": 3.0})
    made.add(5, {"edges/accuracy": 0.7})
    made.add(6, {"loss": 1.0})
    return made


def test_last_numbers_without_the_course_of_training(tmp_path: Path) -> None:
    spec = small(seed=4)
    run = new_run(tmp_path, spec)
    keep_results(run, spec, history(), Saved(), task(), 7, 1.5)
    expected = Measurement(model="transformer", step=5, seed=4, metric="edges/accuracy", value=0.7)
    assert read_measurements(run.path / "measurements.parquet") == [expected]
    assert History.read(run.path / "history.parquet").state() == history().state()
    assert History.read(run.path / "timing.parquet").series("seconds") == ([7], [1.5])
    assert (run.checkpoint / "weights").read_text() == "new"


def test_levels_of_chance_stand_beside_what_was_scored(tmp_path: Path) -> None:
    run = new_run(tmp_path, small(seed=4))
    keep_results(run, small(seed=4), history(), Saved(), task(chance={"edges/accuracy": 0.25, "other": 0.5}), 7, 1.5)
    rows = read_measurements(run.path / "measurements.parquet")
    assert {row.metric: row.value for row in rows} == {"edges/accuracy": 0.7, "chance/edges/accuracy": 0.25}


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    spec = small()
    run = new_run(tmp_path, spec)
    keep_results(run, spec, history(), Saved(), task(), 7, 1.5)
    (run.checkpoint / "weights").write_text("old")
    broken: Any = Saved(fails=True)
    with pytest.raises(RuntimeError, match="no"):
        keep_results(run, spec, history(), broken, task(), 7, 1.5)
    assert (run.checkpoint / "weights").read_text() == "old"
    assert not [path for path in run.path.iterdir() if path.name.endswith(".tmp")]


def test_a_tokenizer_is_kept_beside_the_model(tmp_path: Path) -> None:
    keep_checkpoint(tmp_path / "a" / "b", Saved(), task(Tokenizer()))
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {"weights", "tokenizer.json"}
    keep_checkpoint(tmp_path / "c", Saved(), task())
    assert {path.name for path in (tmp_path / "c").iterdir()} == {"weights"}
