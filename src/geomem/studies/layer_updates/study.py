"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from geomem.errors import RunError
from geomem.studies.depth_profiles import Measured, over_depth
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import MODEL as NEEDED
from geomem.studies.language_model import lm_cells
from geomem.studies.layer_updates import pictures
from geomem.studies.layer_updates.claims import CLAIMS
from geomem.studies.layer_updates.predicates import MAMBA, MODEL, RHO_RELATIVE
from geomem.studies.layer_updates.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.layer_updates.state_space import shared_mamba
from geomem.studies.layer_updates.work import HEADLINE, UNTRAINED, metric
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

MEASURE = "geomem.studies.layer_updates.work:measure"
RANKINGS = (RHO_RELATIVE, (RHO_RELATIVE, UNTRAINED))
_USERS = 20
"""How many times larger a user's model is taken to be, as far as the estimate goes; it is not open yet."""
SEEDS: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def model_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the language model, or of the user's."""
    own, cost = _told(settings, HEADLINE, controls=True), _cost(settings, 2 * len(HEADLINE) + 1)
    return lm_cells(MODEL, MEASURE, seeds, settings.lm, model=settings.model, own=own, cost=cost)


def class_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the further classes of maps."""
    own, cost = _told(settings, settings.classes, controls=False), _cost(settings, 2 * len(settings.classes))
    return lm_cells(MODEL, MEASURE, seeds, settings.lm, model=settings.model, own=own, cost=cost)


def mamba_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the state-space model; none where a user's model is looked at."""
    if settings.model is not None:
        return []
    told = {**_told(settings, HEADLINE[:1], controls=True), "lm": settings.lm.model_dump(mode="json")}
    return [
        Cell(
            MAMBA,
            seed,
            Work(seed=seed, function=MEASURE, settings=told),
            cost=_cost(settings, 6),
            needs={NEEDED: shared_mamba(settings.state_space, settings.lm, seed)},
        )
        for seed in seeds
    ]


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    if "model" not in evidence:
        return ""
    try:
        explained, own, twin = (_median(evidence["model"], MODEL, one) for one in (metric("r2"), *RANKINGS))
    except RunError:
        return ""
    said = [
        f"A map that sees only the token's own stream explains {explained:.0%} of the variance of what a block writes "
        "(median of the blocks), and its error ranks how far the prediction moves when it replaces the block "
        f"(Spearman {own:.2f}).",
        f"An untrained network of the same shape does as well ({twin:.2f}), so the ranking is no sign of learning."
        if twin >= own
        else f"An untrained network of the same shape does less well ({twin:.2f}).",
    ]
    if MAMBA in evidence and evidence[MAMBA].cells:
        own, twin = (_median(evidence[MAMBA], MAMBA, one) for one in RANKINGS)
        said.append(f"In a state-space model the two are {own:.2f} and {twin:.2f}.")
    return " ".join(said)


def _median(evidence: Evidence, condition: str, measured: str | Measured) -> float:
    return statistics.fmean(over_depth(evidence, condition, np.median, measured).values())


def _told(settings: Settings, kinds: Sequence[str], *, controls: bool) -> dict[str, object]:
    return {"reading": settings.reading.model_dump(mode="json"), "kinds": list(kinds), "controls": controls}


def _cost(settings: Settings, fits: int) -> float:
    """Guess the seconds: so many fits of each block, and the forward passes that test them."""
    reading = settings.reading
    each = reading.bank * reading.evaluation * settings.lm.width * 3e-10 + reading.evaluation * 1e-4
    return 3.0 + fits * settings.lm.layers * each * (1 if settings.model is None else _USERS)


CITATION = """@misc{yoo2026geometric,
  title         = {On the Geometric Structure of Layer Updates in Deep Language Models},
  author        = {Yoo, Jun-Sik},
  year          = {2026},
  eprint        = {2604.02459},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="layer-updates",
    title="How much of a block's update is a function of the token alone",
    paper="Yoo; arXiv 2604.02459",
    citation=CITATION,
    summary="What a block adds to the stream of a token splits into what a map of that token's stream alone predicts "
    "and a rest that needs context. How large is the rest, where does it point, do predictions miss it? Each answer "
    "stands beside that of an untrained network.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            "model",
            "a language model",
            "Local map from neighbours, the same without equal token ids, and one affine map; permuted bank, rotated "
            "residuals and an untrained twin as null controls.",
            model_cells,
            pictures.model,
            SEEDS,
            headline=True,
        ),
        Experiment(
            MAMBA,
            "a state-space model",
            "The local map and its null controls in a Mamba trained on the same text.",
            mamba_cells,
            pictures.mamba,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "classes",
            "other classes of maps",
            "Diagonal, low-rank, rotation and shallow MLP in place of the local map.",
            class_cells,
            pictures.classes,
            SEEDS,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
