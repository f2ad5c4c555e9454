"""Every benchmark runs, at a size that says nothing about speed, and returns the fields it promises."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
import torch
from benchmarks import BENCHMARKS, LONG
from benchmarks.__main__ import main

from geomem.decoding.gelu import quick_gelus

pytest.importorskip("gensim", reason="the peers are in the extra [bench]")
pytest.importorskip("accelerate", reason="the peers are in the extra [bench]")


def _module(name: str) -> ModuleType:
    return importlib.import_module(BENCHMARKS[name][0])


@pytest.mark.filterwarnings("default")  # what the peers deprecate is not ours to mend
@pytest.mark.parametrize("name", BENCHMARKS)
def test_quick_run_returns_its_fields(name: str) -> None:
    module = _module(name)
    rows = list(module.run(quick=True))
    assert rows
    for row in rows:
        assert tuple(row) == module.FIELDS
    json.dumps(rows, allow_nan=False)


def test_long_benchmarks_exist() -> None:
    assert set(LONG) < set(BENCHMARKS)


def test_counted_work_is_what_torch_counts() -> None:
    rows = [row for row in _module("peak").run(quick=True) if row["gflop_per_step"] is not None]
    assert rows
    for row in rows:
        assert row["gflop_per_step"] == pytest.approx(row["counted_by_torch"], rel=1e-9)


def test_trainer_and_loop_take_the_same_loss() -> None:
    """The peer's padded batch, at the shares of a common mean, has the loss of the loop's two streams."""
    from benchmarks.peer import Examples, Pad
    from benchmarks.settings import full_batch, loop_of, transformer

    for form in ("contexts", "examples"):
        with loop_of(full_batch(8, 3, transformer(8), "examples")) as peer:
            examples = Examples(peer.task)
            batch = Pad(peer.task.vocabulary.pad)(examples.rows)
            theirs = float(peer.raw(**batch).loss.detach())
        with loop_of(full_batch(8, 3, transformer(8), form)) as loop:
            loop.time_steps(2)
            loss = loop.state.history.series("loss")[1][0]
        assert len(examples) == 2 * 8 * 2 + 6
        assert loss == pytest.approx(theirs, rel=1e-5)


def test_on_path_stars_trainer_and_both_models_of_the_loop_take_the_same_loss() -> None:
    """And gradient: the Trainer's batch on a GPT-2, and the loop's batch on it and on geomem's Transformer like it."""
    from benchmarks.decoding import as_ours
    from benchmarks.settings import loop_of
    from benchmarks.training_step import examples, stars

    shape = {"width": 16, "layers": 2, "heads": 2}
    with (
        loop_of(stars({"kind": "hf", **shape}, 6)) as theirs,
        loop_of(stars({"kind": "transformer", **shape}, 6)) as ours,
    ):
        peer, own = cast(Any, theirs.raw), cast(Any, ours.raw)
        own.load_state_dict(as_ours(peer))
        rows = examples(theirs, 6)
        batch = {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}
        (stream,) = theirs.streams.values()
        losses = [
            peer(**batch).loss,
            *(loop.objective(loop.raw, stream.batch(torch.arange(6))) for loop in (theirs, ours)),
        ]
        tables = [peer.transformer.wte.weight] * 2 + [own.embed_tokens.weight]
        slopes = [torch.autograd.grad(loss, table)[0] for loss, table in zip(losses, tables, strict=True)]
        with quick_gelus(theirs.raw):
            losses.append(theirs.objective(theirs.raw, stream.batch(torch.arange(6))))
        slopes.append(torch.autograd.grad(losses[-1], tables[0])[0])
    for loss, slope in zip(losses[1:], slopes[1:], strict=True):
        torch.testing.assert_close(loss, losses[0], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(slope, slopes[0], rtol=1e-4, atol=1e-6)


def test_walks_follow_edges() -> None:
    from benchmarks.walks import random_walks

    from geomem.graphs.grid import grid_graph

    edges = grid_graph(3, 4).directed_edges("both")
    known = {(str(u), str(v)) for u, v in edges.tolist()}
    walks = random_walks(edges, 12, 5, seed=0)
    assert len(walks) == 120
    assert all(step in known for walk in walks for step in itertools.pairwise(walk))


def test_command_line_writes_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks", "peak", "--quick", "--json", str(file)])
    main()
    found = json.loads(file.read_text())
    assert found["peak"]["rows"][0]["gflops"] > 0
    assert found["machine"]["cores"] >= 1


def test_command_line_names_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "spets"])
    with pytest.raises(SystemExit):
        main()
    assert "choose from: steps" in capsys.readouterr().err
