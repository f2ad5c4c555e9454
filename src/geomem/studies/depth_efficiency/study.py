"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from geomem.errors import RunError
from geomem.models.places import find_checkpoint
from geomem.studies.depth_efficiency import hop_pictures, pictures
from geomem.studies.depth_efficiency.claims import CLAIMS
from geomem.studies.depth_efficiency.hop_pictures import COMPOSER
from geomem.studies.depth_efficiency.predicates import FUTURE, KL, MODEL, RATIO, ratio_of_future, ratio_of_halves
from geomem.studies.depth_efficiency.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.depth_profiles import over_depth
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import lm_cells
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

HERE = "geomem.studies.depth_efficiency"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}
ONE: dict[ScaleName, int] = {"smoke": 1, "laptop": 1, "paper": 1}
_USERS_WEIGHTS = 3e7
"""Weights that a user's model is taken to have, as far as the estimate goes; it is not open yet."""
Cells = Callable[[Settings, Sequence[int]], list[Cell]]


def model_cells(function: str, passes: float) -> Cells:
    """Return cells that call a function of `model` on the language model. passes: forward passes of all windows."""

    def cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
        return lm_cells(
            MODEL,
            f"{HERE}.model:{function}",
            seeds,
            settings.lm,
            model=settings.model,
            own=_told(settings),
            cost=_cost(settings, passes),
        )

    return cells


def rate_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the norm battery of the small language model trained at other rates; none for a user's model."""
    if settings.model is not None:
        return []
    return [
        cell
        for rate in settings.rates
        for cell in lm_cells(
            f"lr-{rate:g}",
            f"{HERE}.model:measure_battery",
            seeds,
            settings.lm.model_copy(update={"lr": rate}),
            own=_told(settings),
            cost=_cost(settings, 4),
        )
    ]


def map_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the maps from the sibling to the model, or between two of the user's; none where he named only one.

    Raises InputError when `source` is no checkpoint.
    """
    if settings.model is not None and settings.source is None:
        return []
    own = _told(settings)
    if settings.model is not None and settings.source is not None:
        find_checkpoint(settings.source)
        own["source"] = settings.source
    return lm_cells(
        MODEL,
        f"{HERE}.model:measure_maps",
        seeds,
        settings.lm,
        model=settings.model,
        sibling=True,
        own=own,
        cost=_cost(settings, 12),
    )


def hop_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the multi-hop contrast."""
    own = settings.hops
    weights = 12 * own.layers * own.width**2
    cost = 2 + own.steps * own.batch * (own.hops + 2) * weights * 1.8e-10
    told = {"hops": own.model_dump(mode="json")}
    return [
        Cell(COMPOSER, seed, Work(seed=seed, function=f"{HERE}.hops:measure_hops", settings=told), cost=cost)
        for seed in seeds
    ]


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said: list[str] = []
    if "battery" in evidence:
        try:
            own = _mean(over_depth(evidence["battery"], MODEL, ratio_of_halves, RATIO))
            height = _mean(evidence["battery"].measured(MODEL, KL, 1))
        except RunError:
            return ""
        said.append(
            f"Blocks of the second half write {own:.2f} times what those of the first half do, block 0 aside, for the "
            f"size of the stream; before the second block the output layer would still be {height:.2f} nats off"
        )
    if "skips" in evidence:
        try:
            future = _mean(over_depth(evidence["skips"], MODEL, ratio_of_future, FUTURE))
        except RunError:
            return ". ".join(said)
        said.append(f"Skipping one of them changes later work on later tokens {future:.2f} times as much")
    return "".join(f"{one}. " for one in said).strip()


def _mean(values: dict[int, float]) -> float:
    return statistics.fmean(values.values())


def _told(settings: Settings) -> dict[str, object]:
    return {"reading": settings.reading.model_dump(mode="json")}


def _cost(settings: Settings, passes: float) -> float:
    """Guess the seconds: two for the text, and so many forward passes of all windows."""
    reading = settings.reading
    weights = settings.lm.weights if settings.model is None else _USERS_WEIGHTS
    return 2.0 + passes * reading.windows * reading.context * weights * 4e-11


CITATION = """@inproceedings{csordas2025language,
  title         = {Do Language Models Use Their Depth Efficiently?},
  author        = {Csord{\\'a}s, R{\\'o}bert and Manning, Christopher D. and Potts, Christopher},
  booktitle     = {Advances in Neural Information Processing Systems},
  year          = {2025},
  eprint        = {2505.13898},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="depth-efficiency",
    title="Do language models use their depth?",
    paper="Csordás, Manning, Potts; arXiv 2505.13898, NeurIPS 2025",
    citation=CITATION,
    summary="If later layers composed what earlier ones found, later work would hang on earlier work. How much does "
    "every block write, who misses a block that is skipped, when does the prediction stand? Each answer stands beside "
    "that of an untrained twin.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            "battery",
            "norm battery and logit lens",
            "What attention and MLP of each block add, and what the output layer would say at every depth, beside an "
            "untrained twin.",
            model_cells("measure_battery", 4),
            pictures.battery,
            THREE,
            headline=True,
        ),
        Experiment(
            "skips",
            "skipping blocks",
            "Every block and its parts skipped: later blocks' work, predictions, loss, and the depth scores.",
            model_cells("measure_skip_effects", 150),
            pictures.skips,
            THREE,
            headline=True,
        ),
        Experiment(
            "erasure",
            "erasing streams",
            "One position of a stream replaced by its mean: until when do later tokens need it?",
            model_cells("measure_erasures", 30),
            pictures.erasure,
            THREE,
            headline=True,
        ),
        Experiment(
            "maps",
            "maps between two depths",
            "Linear maps from the streams of a model with half the blocks.",
            map_cells,
            pictures.maps,
            THREE,
            headline=True,
        ),
        Experiment(
            "rates",
            "other learning rates",
            "The norm battery and the lens of the small language model trained at other rates.",
            rate_cells,
            pictures.rates,
            ONE,
        ),
        Experiment(
            "hops",
            "chains of facts",
            "A tiny model that learned nothing but composition: depth score against hops. A contrast, no claim.",
            hop_cells,
            hop_pictures.hops,
            THREE,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
