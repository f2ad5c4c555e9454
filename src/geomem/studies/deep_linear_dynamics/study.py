"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.deep_linear_dynamics import pictures
from geomem.studies.deep_linear_dynamics.claims import CLAIMS
from geomem.studies.deep_linear_dynamics.own_data import check_source
from geomem.studies.deep_linear_dynamics.predicates import (
    CONTROL,
    DEPTH,
    HIERARCHY,
    MODES,
    NEXT_TOKEN,
    OWN,
    STARTS,
)
from geomem.studies.deep_linear_dynamics.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.evidence import Evidence
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

HERE = "geomem.studies.deep_linear_dynamics"
SEEDS: dict[ScaleName, int] = {"smoke": 1, "laptop": 5, "paper": 5}


def _cells(condition: str, function: str, seeds: Sequence[int], told: dict[str, Any], cost: float) -> list[Cell]:
    name = f"{HERE}.{function}"
    return [Cell(condition, seed, Work(seed=seed, function=name, settings=told), cost=cost) for seed in seeds]


def modes(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Follow decoupled, unbalanced and small random starts."""
    own = settings.modes
    steps = (3 * own.time + len(own.stds) * own.random_time) / own.step
    told = {"modes": _plain(own), "unbalanced": _plain(settings.unbalanced)}
    return _cells(MODES, "modes:run_modes", seeds, told, 1.0 + 4e-5 * steps)


def depth(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Time one mode at many depths, and count iterations of deep networks from three kinds of start."""
    own, starts = settings.depths, settings.starts
    timed = 1.0 + 1e-4 * (own.steps * sum(own.depths) / 4 + own.time / own.step)
    products = 3 * sum(starts.depths) * starts.budget * len(starts.rates) * starts.width**3
    counted = 1.0 + products * 3e-10
    return [
        *_cells(DEPTH, "depth:run_depths", seeds, {"depths": _plain(own)}, timed),
        *_cells(STARTS, "starts:run_starts", seeds, {"starts": _plain(starts)}, counted),
    ]


def hierarchy(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Draw features of a tree and train a linear and a tanh network on them."""
    own = settings.hierarchy
    cost = 1.0 + own.time / own.step * own.features * own.hidden * 32 * 4e-9
    return _cells(HIERARCHY, "hierarchy:run_hierarchy", seeds, {"hierarchy": _plain(own)}, cost)


def control(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Train one matrix and two on the same data."""
    told = {"control": _plain(settings.control), "modes": _plain(settings.modes)}
    return _cells(
        CONTROL, "control:run_control", seeds, told, 1.0 + 2e-4 * settings.control.time / settings.control.step
    )


def next_token(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Train unconstrained features on next tokens whose supports come from a tree."""
    told = {"next_token": _plain(settings.next_token)}
    cost = 1.0 + 1e-4 * settings.next_token.time / settings.next_token.step
    return _cells(NEXT_TOKEN, "next_token:run_next_token", seeds, told, cost)


def own(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Follow the modes of the user's data. Raises InputError where there is none."""
    check_source(settings.data)
    told = {"data": settings.data, "own": _plain(settings.own)}
    return _cells(OWN, "own:run_own", seeds, told, 5.0 + 2e-6 * settings.own.words**2 * settings.own.hidden / 4)


def _plain(spec: Any) -> dict[str, Any]:
    return spec.model_dump(mode="json")


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    return " ".join(filter(None, (_of_stages(evidence), _of_depth(evidence))))


def _of_stages(evidence: dict[str, Evidence]) -> str:
    found = evidence.get("hierarchy")
    try:
        if found is None:
            return ""
        variation = statistics.fmean(found.measured(HIERARCHY, "stages/variation").values())
        waits = found.measured(HIERARCHY, "stages/smallest_wait").values()
    except RunError:
        return ""
    order = "from the root down" if min(waits) > 0 else "not strictly from the root down"
    return (
        f"A deep linear network learns the levels of a tree {order}, each in a time inverse to its singular value "
        f"(their product varies by {number(variation, percent=True)})."
    )


def _of_depth(evidence: dict[str, Evidence]) -> str:
    found = evidence.get("depth")
    try:
        if found is None:
            return ""
        gap = statistics.fmean(found.measured(DEPTH, "depth/last_gap").values())
        ratio = statistics.fmean(found.measured(STARTS, "starts/gaussian_over_orthogonal").values())
    except RunError:
        return ""
    deepest, width = found.settings.depths.depths[-1], found.settings.starts.depths[-1]
    return (
        f"At {deepest} matrices the learning time is within {number(gap, percent=True)} of its limit; from Gaussian "
        f"weights {width} matrices need {number(ratio)} times the iterations that orthogonal ones do, or more."
    )


CITATION = """@inproceedings{saxe2014exact,
  title     = {Exact solutions to the nonlinear dynamics of learning in deep linear neural networks},
  author    = {Saxe, Andrew M. and McClelland, James L. and Ganguli, Surya},
  booktitle = {International Conference on Learning Representations},
  year      = {2014},
  eprint    = {1312.6120},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="deep-linear-dynamics",
    title="In what order a deep linear network learns",
    paper="Saxe, McClelland, Ganguli; arXiv 1312.6120, ICLR 2014 (and arXiv 1810.10531)",
    citation=CITATION,
    summary="A product of matrices is a linear map, and learning it is not linear: it goes in stages, strong structure "
    "first, at times that have closed forms. The study holds gradient descent against them, for any depth, for data "
    "with a hierarchy, and for data of your own.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            "modes",
            "one hidden layer",
            "Decoupled, unbalanced and small random starts beside their closed forms.",
            modes,
            pictures.mode_pictures,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "depth",
            "many layers",
            "One mode at depths up to 100 beside the integral and its limit; orthogonal, Gaussian and decoupled starts "
            "at the best learning rate.",
            depth,
            pictures.depth_pictures,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "hierarchy",
            "features of a tree",
            "The spectrum by level, and when a linear and a tanh network learn each level.",
            hierarchy,
            pictures.hierarchy_pictures,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "control",
            "one matrix",
            "The same data learned by one matrix and by two.",
            control,
            pictures.control_pictures,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "next-token",
            "a link to next tokens",
            "The order in which softmax logits learn the modes of the centred support of next tokens; no claim of the "
            "paper.",
            next_token,
            pictures.next_token_pictures,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "own",
            "data of your own",
            "The order in which the modes of a table or a text are learned: told from the initial weights, and "
            "simulated.",
            own,
            pictures.own_pictures,
            {"smoke": 1, "laptop": 1, "paper": 1},
            headline=True,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
