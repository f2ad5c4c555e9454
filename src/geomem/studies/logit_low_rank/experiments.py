"""The experiments: their cells, their pictures, and how many seeds."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.studies.language_model import lm_cells, reading_seconds
from geomem.studies.logit_low_rank import pictures
from geomem.studies.logit_low_rank.predicates import HMM, ISAN, MODEL
from geomem.studies.logit_low_rank.settings import Settings
from geomem.studies.study import Cell, Experiment, ScaleName
from geomem.training.work import Work

HERE = "geomem.studies.logit_low_rank"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def isan(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure networks whose rank is known."""
    told = {"exact": settings.isan.model_dump(mode="json")}
    function = f"{HERE}.exact:run_isan"
    return [Cell(ISAN, seed, Work(seed=seed, function=function, settings=told), cost=2.0) for seed in seeds]


def hmm(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure hidden Markov models."""
    told = {"exact": settings.hmm.model_dump(mode="json")}
    function = f"{HERE}.exact:run_hmm"
    return [Cell(HMM, seed, Work(seed=seed, function=function, settings=told), cost=2.0) for seed in seeds]


def language(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Measure the language model of every seed over its training."""
    own = {"reading": settings.reading.model_dump(mode="json")}
    reading, lm = settings.reading, settings.lm
    tokens = reading.histories * (reading.history_tokens + reading.futures * (1 + reading.future_tokens) / 2)
    if settings.model is not None:
        # Six matrices: the model's, its untrained twin's, three for transfer and nonsense; then four predictors.
        written = 4 * reading.targets * reading.steps * reading.histories
        cost = 10.0 + reading_seconds(settings.model, 6 * tokens + written)
    else:
        # A forward pass is a third of a step; decompositions and LinGen take about as long again.
        cost = 10.0 + lm.seconds * len(lm.kept) * tokens / lm.tokens
    return lm_cells(MODEL, f"{HERE}.language:run_language", seeds, lm, model=settings.model, own=own, cost=cost)


EXPERIMENTS = (
    Experiment(
        "language-model",
        "a language model over its training",
        "Singular values and truncations of its logits at every checkpoint, transfer between futures, LinGen.",
        language,
        pictures.language_pictures,
        THREE,
        headline=True,
    ),
    Experiment(
        "isan",
        "networks whose logits are of low rank by construction",
        "Rank, residual and LinGen of input-switched affine networks.",
        isan,
        pictures.exact_pictures,
        THREE,
        headline=True,
    ),
    Experiment(
        "hmm",
        "hidden Markov models",
        "Logits that are nearly of low rank.",
        hmm,
        pictures.exact_pictures,
        THREE,
        headline=True,
    ),
)
