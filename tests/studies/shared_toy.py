"""A study of trained models whose cells train nothing themselves: two experiments look at the same shared trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from safetensors.torch import load_file

from geomem.runs.directory import Run
from geomem.runs.tables import History, Measurement
from geomem.spec import Spec, validate
from geomem.studies.claim import Bound, Claim, Test
from geomem.studies.evidence import Evidence
from geomem.studies.study import Cell, Experiment, Shared, Study
from geomem.training.progress import Listener
from geomem.training.spec import TrainSpec
from geomem.training.work import Extra, Work


class SharedSettings(Spec):
    steps: int = 4
    lr: float = 3e-3


def training(settings: SharedSettings, seed: int) -> TrainSpec:
    return validate(TrainSpec, {
        "name": f"toy model {seed}", "seed": seed, "evaluate_every": 2, "checkpoint_every": 2, "keep_at": [0, 4],
        "task": {"kind": "in-weights-edges", "graph": {"kind": "path-star", "arms": 5, "length": 3}},
        "model": {"kind": "transformer", "width": 8, "layers": 2, "heads": 1},
        "stages": [{"steps": settings.steps, "optimizer": {"kind": "sgd", "lr": settings.lr},
                    "schedule": {"kind": "constant"}}],
    })  # fmt: skip


def look_cells(condition: str) -> Callable[[SharedSettings, Sequence[int]], list[Cell]]:
    def cells(settings: SharedSettings, seeds: Sequence[int]) -> list[Cell]:
        return [
            Cell(
                condition,
                seed,
                Work(seed=seed, function="tests.studies.shared_toy:look", settings={"power": 2}),
                cost=2.0,
                needs={"model": Shared(training(settings, seed), cost=30.0)},
            )
            for seed in seeds
        ]

    return cells


def look(work: Work, run: Run, listener: Listener) -> Extra:
    """Measure the norms of a trained model, in all and by layer, beside a control."""
    trained = work.run_of("model")
    weights = load_file(trained.checkpoint / "model.safetensors")
    history = History()
    history.add(0, {"course": 1.0})
    history.add(3, {"course": 2.0})
    history.write(run.path / "history.parquet")
    rows = [
        Measurement(metric="norm/layer", layer=layer, step=step, condition=condition, value=10 * layer + step)
        for condition in ("", "untrained")
        for layer in (1, 0)
        for step in (0, 4)
    ]
    total = sum(float(value.double().pow(work.settings["power"]).sum()) for value in weights.values())
    return Extra({"norm/all": total}, {"table": torch.zeros(2)}, rows)


def _norm(evidence: Evidence) -> list[Test]:
    return [Test(Bound("norm", 0.0, "above"), evidence.measured("trained", "norm/all"))]


def experiment(name: str, condition: str, **changes: Any) -> Experiment:
    seeds: Any = {"smoke": 2, "laptop": 1, "paper": 1}
    return Experiment(name, name, "Looks.", look_cells(condition), lambda _evidence: [], seeds, **changes)


SHARED_TOY = Study(
    name="shared-toy",
    title="A toy about models trained before",
    paper="none",
    citation="@misc{toy}",
    summary="For tests.",
    scales={"smoke": SharedSettings(), "laptop": SharedSettings(), "paper": SharedSettings()},
    experiments=(experiment("look", "trained", headline=True), experiment("again", "second-look")),
    claims=(Claim("S1", "There are weights.", "nowhere", "nothing", "look", "no reason", _norm),),
    finding=", ".join,
)
