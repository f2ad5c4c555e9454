"""A study that takes a second, so that the machinery of studies can be tested apart from any paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.runs.exhibits import Curves, Exhibit, Series
from geomem.spec import Spec, validate
from geomem.studies.claim import Bound, Claim, Test
from geomem.studies.evidence import Evidence
from geomem.studies.study import Cell, Experiment, Study
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra


class ToySize(Spec):
    arms: int = 5
    steps: int = 6
    lr: float = 3e-3


class ToySettings(Spec):
    star: ToySize = ToySize()


def cells(settings: ToySettings, seeds: Sequence[int]) -> list[Cell]:
    own = settings.star
    made: list[Cell] = []
    for seed in seeds:
        for condition, width in (("narrow", 8), ("wide", 16)):
            spec = validate(TrainSpec, {
                "seed": seed, "threads": 1, "evaluate_every": 3, "checkpoint_every": 2, "measure": ["cosine-level"],
                "task": {"kind": "in-weights-edges", "graph": {"kind": "path-star", "arms": own.arms, "length": 3}},
                "model": {"kind": "transformer", "width": width, "layers": 1, "heads": 1},
                "stages": [{"steps": own.steps, "optimizer": {"lr": own.lr}}],
            })  # fmt: skip
            made.append(Cell(condition, seed, spec, "tests.studies.toy:keep", cost=1.0))
    return made


def keep(trained: Any, spec: TrainSpec) -> Extra:
    """Keep a number that replaces nothing, one that replaces a measurement, and an array."""
    table = trained.model.get_input_embeddings().weight
    return Extra({"norm": float(table.detach().norm()), "edges/accuracy": 2.0}, {"table": table})


def no_cells(_settings: ToySettings, _seeds: Sequence[int]) -> list[Cell]:
    return []


def curves(evidence: Evidence) -> list[Exhibit]:
    steps, losses = evidence.series("narrow", evidence.seeds("narrow")[0], "edges/loss")
    return [Curves(id="toy-loss", title="loss", experiment="learn", series=(Series(name="narrow", x=steps, y=losses),))]  # pyright: ignore[reportArgumentType]


def _norm(evidence: Evidence) -> list[Test]:
    return [Test(Bound("norm of the table", 0.0, "above"), evidence.measured("narrow", "norm"))]


def _constant(value: float, side: Any) -> Any:
    return lambda _evidence: [Test(Bound("a constant", 0.0, side), {0: value})]


def _missing(evidence: Evidence) -> list[Test]:
    return [Test(Bound("what nobody measured", 0.0, "above"), evidence.measured("narrow", "nothing"))]


def _claim(id: str, experiment: str, judge: Any) -> Claim:
    return Claim(id, f"Statement {id}.", "nowhere", "nothing", experiment, "no reason", judge)


TOY = Study(
    name="toy",
    title="A toy",
    paper="none",
    citation="@misc{toy}",
    summary="For tests.",
    scales={"smoke": ToySettings(), "laptop": ToySettings(star=ToySize(steps=8)), "paper": ToySettings()},
    experiments=(
        Experiment("learn", "learning", "Trains.", cells, curves, {"smoke": 2, "laptop": 1, "paper": 1}, headline=True),
        Experiment("formula", "a formula", "Nothing.", no_cells, lambda _e: [], {"smoke": 1, "laptop": 1, "paper": 1}),
        Experiment("good", "a formula", "Nothing.", no_cells, lambda _e: [], {"smoke": 1, "laptop": 1, "paper": 1}),
    ),
    claims=(
        _claim("T1", "learn", _norm),
        _claim("T2", "formula", _constant(1.0, "below")),
        _claim("T3", "good", _constant(1.0, "above")),
        _claim("T4", "learn", _missing),
    ),
    finding=lambda evidence: f"ran {', '.join(evidence)}" if evidence else "nothing was run",
)
