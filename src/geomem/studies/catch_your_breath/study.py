"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from geomem.errors import RunError
from geomem.numbers import number
from geomem.spec import validate
from geomem.studies.catch_your_breath import pictures
from geomem.studies.catch_your_breath.claims import CLAIMS
from geomem.studies.catch_your_breath.predicates import FORMS, LOSSES, PLAIN, PRICES, TOY, anytime
from geomem.studies.catch_your_breath.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.evidence import Evidence
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.spec import TrainSpec
from geomem.training.work import Work

HERE = "geomem.studies.catch_your_breath"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def form_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: descent on the free odds of random slot probabilities."""
    told = {"slots": settings.slots, "gamma": settings.gamma, "price": 0.1, "strength": 0.5}
    return [Cell(FORMS, seed, Work(seed=seed, function=f"{HERE}.forms:run_forms", settings=told), cost=5.0)
            for seed in seeds]  # fmt: skip


def toy_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return CYB-AP at one discount, and next-token prediction."""
    own = {anytime(settings.gamma): _breath(settings, loss="ap", gamma=settings.gamma)}
    return _cells(settings, seeds, {**own, PLAIN: {"kind": "next-token"}})


def price_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return CYB-AP at every discount."""
    return _cells(settings, seeds, {anytime(gamma): _breath(settings, loss="ap", gamma=gamma)
                                    for gamma in settings.gammas})  # fmt: skip


def loss_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the other two losses, and the two baselines of equal length."""
    return _cells(settings, seeds, {loss: _breath(settings, loss=loss) for loss in ("va", "dp", "last", "mean")})


def _breath(settings: Settings, **own: Any) -> dict[str, Any]:
    return {"kind": "catch-your-breath", "slots": settings.slots, "warm_up": settings.warm_up, **own}


def _cells(settings: Settings, seeds: Sequence[int], objectives: dict[str, dict[str, Any]]) -> list[Cell]:
    return [
        Cell(condition, seed, validate(TrainSpec, settings.train(seed, objective)), after=f"{HERE}.asked:measure",
             cost=3.0 + settings.steps * settings.step_seconds / (2 if condition == PLAIN else 1))
        for condition, objective in objectives.items()
        for seed in seeds
    ]  # fmt: skip


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    try:
        own = evidence[TOY]
        condition = anytime(own.settings.gamma)
        hard, easy, noise, used = (
            number(statistics.fmean(own.measured(condition, metric).values()))
            for metric in ("delay/hard", "delay/easy", "delay/noise", "slots/mean")
        )
    except (KeyError, RunError):
        return ""
    return (
        f"Asked at the first slot, the model says don't know with probability {hard} where a target must be looked up, "
        f"{easy} where it follows a rule and {noise} where it is noise; it uses {used} slots a target."
    )


CITATION = """@article{galashov2025catch,
  title   = {Catch Your Breath: Adaptive Computation for Self-Paced Sequence Production},
  author  = {Galashov, Alexandre and Jones, Matt and Ke, Rosemary and Cao, Yuan and Nagarajan, Vaishnavh and
             Mozer, Michael C.},
  journal = {arXiv preprint arXiv:2510.13879},
  year    = {2025}
}"""

STUDY = Study(
    name="catch-your-breath",
    title="A model that may ask for more time",
    paper="Galashov, Jones, Ke, Cao, Nagarajan, Mozer; arXiv 2510.13879",
    citation=CITATION,
    summary="A model answers, or says that it does not know yet and gets another step on the same token; time has a "
    "price. Does it ask where a step helps, and not where nothing does? The losses are partly reconstructed.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(FORMS, "the closed forms", "Slot probabilities are constants; descent on the odds of waiting alone.",
                   form_cells, pictures.forms, THREE, headline=True),
        Experiment(TOY, "easy, hard and noise", "CYB-AP and next-token prediction on targets of three known kinds.",
                   toy_cells, pictures.asked, THREE, headline=True),
        Experiment(PRICES, "the price of time", "CYB-AP at three discounts.", price_cells, pictures.asked, THREE),
        Experiment(LOSSES, "the other losses", "CYB-VA and CYB-DP, and cross-entropy at the last slot and at all of "
                   "them, at equal length. Reported; nothing is judged.", loss_cells, pictures.asked, THREE),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
