"""The experiments: their cells, their pictures, and how many seeds."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.studies.language_model import lm_cells
from geomem.studies.representation_phases import pictures
from geomem.studies.representation_phases.predicates import COURSE, PLANTED, TOY
from geomem.studies.representation_phases.settings import Planted, Settings, Toy
from geomem.studies.study import Cell, Experiment, ScaleName
from geomem.training.work import Work

HERE = "geomem.studies.representation_phases"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def language_model(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Ask every checkpoint of the language model."""
    own = {"probe": settings.probe.model_dump(mode="json")}
    tokens = len(settings.lm.kept) * (
        settings.probe.sequences * settings.probe.context + settings.probe.held_out_tokens
    )
    cost = 10.0 + settings.lm.seconds * tokens / (3 * settings.lm.tokens)  # a forward pass is a third of a step
    return lm_cells(COURSE, f"{HERE}.course:run_course", seeds, settings.lm, model=settings.model, own=own, cost=cost)


def truncation(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Keep or remove directions of the trained language model."""
    own = {part: getattr(settings, part).model_dump(mode="json") for part in ("probe", "truncation")}
    cells = f"{HERE}.truncation:run_truncation"
    return lm_cells("truncation", cells, seeds, settings.lm, model=settings.model, own=own, cost=10.0)


def toy(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Run the linear toy and its controls, several runs a seed."""
    return _alone(TOY, f"{HERE}.toy_runs:run_toy", seeds, toy=settings.toy)


def metrics(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure what was planted."""
    return _alone(PLANTED, f"{HERE}.planted:run_planted", seeds, planted=settings.planted)


def _alone(condition: str, function: str, seeds: Sequence[int], **own: Toy | Planted) -> list[Cell]:
    told = {name: part.model_dump(mode="json") for name, part in own.items()}
    return [Cell(condition, seed, Work(seed=seed, function=function, settings=told), cost=2.0) for seed in seeds]


EXPERIMENTS = (
    Experiment(
        "language-model",
        "a language model over its training",
        "Effective rank, power law, loss and agreement with n-grams at every checkpoint.",
        language_model,
        pictures.course_pictures,
        THREE,
        headline=True,
    ),
    Experiment(
        "toy",
        "the linear toy",
        "Six samples, four classes, two dimensions, every step recorded; and what it takes away.",
        toy,
        pictures.toy_pictures,
        THREE,
        headline=True,
    ),
    Experiment(
        "metrics",
        "spectra that are known",
        "An isotropic Gaussian, exact power laws, a matrix of rank 1.",
        metrics,
        pictures.planted_table,
        THREE,
        headline=True,
    ),
    Experiment(
        "truncation",
        "which directions carry the predictions",
        "Loss when the leading principal directions alone are kept, or are removed. No claim rests on it.",
        truncation,
        pictures.truncation_curves,
        THREE,
        headline=True,
    ),
)
