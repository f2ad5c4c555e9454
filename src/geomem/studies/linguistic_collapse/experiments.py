"""The experiments: their cells, their pictures, and how many seeds."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.studies.language_model import lm_cells
from geomem.studies.linguistic_collapse import pictures
from geomem.studies.linguistic_collapse.predicates import COURSE, GATES
from geomem.studies.linguistic_collapse.settings import Settings
from geomem.studies.study import Cell, Experiment, ScaleName
from geomem.training.work import Work

HERE = "geomem.studies.linguistic_collapse"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def training(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure every checkpoint of the language model."""
    own = {"reading": settings.reading.model_dump(mode="json")}
    reading, lm = settings.reading, settings.lm
    tokens = len(lm.kept) * (reading.train_tokens + reading.held_out_tokens)
    # A forward pass is a third of a step; the classes take about half as long again.
    cost = 10.0 + lm.seconds * tokens / (2 * lm.tokens)
    return lm_cells(COURSE, f"{HERE}.course:run_course", seeds, settings.lm, model=settings.model, own=own, cost=cost)


def gates(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure class means whose geometry is known."""
    told = {"gates": settings.gates.model_dump(mode="json")}
    function = f"{HERE}.gates:run_gates"
    return [Cell(GATES, seed, Work(seed=seed, function=function, settings=told), cost=2.0) for seed in seeds]


EXPERIMENTS = (
    Experiment(
        "training",
        "a language model over its training",
        "Every measure of collapse at every checkpoint, for next tokens and for sets of possible next tokens.",
        training,
        pictures.training_pictures,
        THREE,
        headline=True,
    ),
    Experiment(
        "gates",
        "class means whose geometry is known",
        "A perfect simplex, scaling and shifting, random means.",
        gates,
        pictures.gates_table,
        THREE,
        headline=True,
    ),
)
