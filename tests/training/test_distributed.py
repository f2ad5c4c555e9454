"""Two processes on a CPU take the same steps as one, and only the first of them writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning_fabric import Fabric
from torch import nn

from geomem.batch import IGNORE, Batch
from geomem.contexts.matrix import ContextMatrix
from geomem.decoding.evaluating import unwrap
from geomem.runs.directory import Run
from geomem.runs.tables import History
from geomem.training.distributed import label_weight, own_share, summed
from geomem.training.loop import train
from tests.training.settings import SMALL, interrupt_at, new_run, small

_PLAIN = {"kind": "transformer", "width": 16, "layers": 1, "heads": 2}
# Odd batches give the two processes unequal shares; edge contexts of the root and of leaves weigh differently.
_OPTIMIZER = {"lr": 3e-3, "eps": 1e-6}
CASES: dict[str, dict[str, Any]] = {
    "odd-batches": {
        "model": _PLAIN,
        "stages": [
            {"name": "edges", "steps": 9, "mix": {"edges": 1.0}, "batch": {"edges": 7}, "optimizer": _OPTIMIZER},
            {"name": "both", "steps": 12, "batch": {"edges": 7, "paths": 3}, "optimizer": {**_OPTIMIZER, "clip": 0.5},
             "keep_optimizer": True},
        ],
    },
    "one-path-a-step": {
        "task": {**SMALL["task"], "target": "full"},
        "model": {**_PLAIN, "positions": "sinusoidal"},
        "stages": [{"steps": 10, "batch": {"paths": 1}, "optimizer": _OPTIMIZER}],
    },
    "frozen": {
        "model": {**_PLAIN, "frozen": True, "initialisation": "unit-normal"},
        "stages": [{"steps": 10, "optimizer": {"kind": "sgd", "lr": 0.1}}],
    },
}  # fmt: skip

_CHILD = """
import sys
from geomem.cli import main
for arguments in sys.argv[1].split(";"):
    code = main(arguments.split(","))
    if code:
        sys.exit(code)
"""


def test_shares_cover_the_batch_and_differ_by_at_most_one_row() -> None:
    index = torch.arange(11)
    shares = [own_share(index, rank, 4) for rank in range(4)]
    assert torch.equal(torch.cat(shares).sort().values, index)
    assert {len(share) for share in shares} == {2, 3}
    assert len(own_share(torch.arange(1), 1, 2)) == 0


def test_label_weight_counts_what_the_mean_is_over() -> None:
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    labels = torch.tensor([[IGNORE, 2, 3], [IGNORE, IGNORE, 6]])
    assert label_weight(Batch(tokens, labels)) == 3
    weights = torch.tensor([[9.0, 0.5, 1.0], [9.0, 9.0, 2.0]])
    assert label_weight(Batch(tokens, labels, weights)) == 3.5
    matrix = ContextMatrix.from_pairs(torch.tensor([[0], [0], [0], [1]]), torch.tensor([1, 2, 3, 0]))
    assert label_weight(matrix.full()) == 1.0
    assert label_weight(matrix.batch(torch.tensor([0]))) == 0.75


def test_one_process_sums_to_itself() -> None:
    value = torch.tensor(3.0)
    assert summed(Fabric(accelerator="cpu", devices=1), value) is value


def test_unwrap_finds_the_model_inside() -> None:
    model = nn.Linear(2, 2)
    wrapped: Any = Fabric(accelerator="cpu", devices=1).setup(model)
    assert unwrap(wrapped) is model
    assert unwrap(model) is model


@pytest.mark.slow
def test_two_processes_take_the_same_steps_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone: dict[str, Path] = {}
    commands: list[list[str]] = []
    for name, changes in CASES.items():
        settings = {**SMALL, **changes, "name": name}
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(settings))
        spec = small(**changes, name=name)
        run = new_run(tmp_path / "alone", spec)
        train(spec, run)
        alone[name] = run.path
        commands.append(["train", str(file), "--out", str(tmp_path / "two" / name)])
    stopped = _stopped_at(11, tmp_path / "resumed", monkeypatch)
    commands.append(["train", "--resume", str(stopped)])

    launcher = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    child = tmp_path / "child.py"
    child.write_text(_CHILD)
    done = subprocess.run([sys.executable, "-m", *launcher, str(child), ";".join(map(",".join, commands))],
                          capture_output=True, text=True, check=False, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr

    for name, path in alone.items():
        (together,) = (tmp_path / "two" / name).iterdir()
        _same_curve(path, together)
        assert Run.open(together).info.status == "finished"
        assert (together / "report.html").is_file()
    _same_curve(alone["odd-batches"], stopped)
    assert done.stdout.count("report:") == len(commands), "every process printed its result"


def _stopped_at(stop: int, parent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run of "odd-batches" that ended in the middle of its second stage."""
    spec = small(**CASES["odd-batches"], name="odd-batches", checkpoint_every=1)
    run = new_run(parent, spec)
    interrupt_at(monkeypatch, stop)
    with pytest.raises(RuntimeError, match="power cut"):
        train(spec, run)
    monkeypatch.undo()
    run.unlock()
    return run.path


def _same_curve(one: Path, two: Path) -> None:
    first, second = History.read(one / "history.parquet"), History.read(two / "history.parquet")
    assert first.steps == second.steps
    assert first.columns.keys() == second.columns.keys()
    for name in first.columns:
        if name.startswith("loss") or name in ("gradient_norm", "edges/loss"):
            steps, values = first.series(name)
            assert steps == second.series(name)[0]
            assert second.series(name)[1] == pytest.approx(values, rel=1e-5), name
    assert json.loads((two / "run.json").read_text())["choices"].keys() == {"device", "dtype", "threads"}
