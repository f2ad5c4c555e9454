"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import lm_cells
from geomem.studies.layer_skipping import pair_pictures, pictures
from geomem.studies.layer_skipping.claims import CLAIMS
from geomem.studies.layer_skipping.predicates import MODEL, PAIR, comparable
from geomem.studies.layer_skipping.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.layer_skipping.twin import CAUSAL, DIFFUSION, trainings
from geomem.studies.study import Cell, Experiment, Study
from geomem.training.work import Work

MEASURE = "geomem.studies.layer_skipping.work:measure"
MEASURE_PAIR = "geomem.studies.layer_skipping.pair:measure"


def cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed of the language model, or one of the user's."""
    own = {"settings": settings.model_dump(mode="json")}
    runs = (
        settings.plans.windows * (settings.lm.layers + 12 * len(settings.plans.budgets)) + 12 * settings.recency.windows
    )
    cost = 5.0 + runs * settings.lm.context * settings.lm.weights * 6e-11
    return lm_cells(MODEL, MEASURE, seeds, settings.lm, model=settings.model, own=own, cost=cost)


def pair_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed of the two networks; none where the user names a model, which has no such twin."""
    if settings.model is not None:
        return []
    own = {"settings": settings.model_dump(mode="json")}
    sets = settings.lm.layers + 12 * len(settings.plans.budgets) + settings.twin.keep
    runs = 2 * (settings.twin.windows * sets + 6 * settings.recency.windows)
    cost = 5.0 + runs * settings.lm.context * settings.lm.weights * 6e-11
    return [
        Cell(PAIR, seed, Work(seed=seed, function=MEASURE_PAIR, settings=own), cost=cost,
             needs=trainings(settings.lm, settings.twin, seed))
        for seed in seeds
    ]  # fmt: skip


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    return " ".join(filter(None, (_of_model(evidence), _of_pair(evidence))))


def _of_pair(evidence: dict[str, Evidence]) -> str:
    found = evidence.get(PAIR)
    if found is None or not found.cells:
        return ""
    if not comparable(found):
        return "The masked-diffusion network did not match the causal one, so the two objectives are not compared."
    try:
        able, near, far = (
            statistics.fmean(found.measured(PAIR, metric, control=name).values())
            for metric, name in (
                ("match/accuracy", DIFFUSION), ("influence/ratio", CAUSAL), ("influence/ratio", DIFFUSION))
        )  # fmt: skip
    except RunError:
        return ""
    return (
        f"Of two equal networks that find {able:.0%} of masked tokens, the causal one is moved {near:.1f} times as "
        f"much by the nearest token as by the furthest, the masked-diffusion one {far:.1f} times."
    )


def _of_model(evidence: dict[str, Evidence]) -> str:
    if MODEL not in evidence:
        return ""
    found = evidence[MODEL]
    try:
        rho = statistics.fmean(found.measured(MODEL, "damage/spearman").values())
        ratio = statistics.fmean(found.measured(MODEL, "influence/ratio").values())
    except RunError:
        return ""
    words = "are missed least" if rho > 0 else "are not those that are missed least"
    said = [f"Layers that change the stream least {words}: Spearman {rho:.2f} over the layers."]
    try:
        cost = statistics.fmean(found.measured(MODEL, "plan/skip2_loss_increase").values())
        beside = statistics.fmean(found.measured(MODEL, "plan/skip2_contiguous_loss_increase").values())
        said.append(f"Leaving out two layers by plan adds {cost:.3f} nats to the loss, two neighbours {beside:.3f}.")
    except RunError:
        said.append("No two layers that are no neighbours pass the threshold of similarity.")
    said.append(f"The token just before moves a prediction {ratio:.1f} times as much as the one 16 back.")
    return " ".join(said)


CITATION = """@misc{goel2026skip,
  title         = {Skip to the Good Part: Representation Structure and Inference-Time Layer Skipping in
                   Diffusion vs. Autoregressive {LLMs}},
  author        = {Goel, R. and Garrepalli, R. and Agrawal, S. and Lott, C. and Lee, M. and Porikli, F.},
  year          = {2026},
  eprint        = {2603.07475},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="layer-skipping",
    title="Which layers can be left out, and what that says of them",
    paper="Goel, Garrepalli, Agrawal, Lott, Lee, Porikli; arXiv 2603.07475",
    citation=CITATION,
    summary="A layer whose output looks like its input might as well be left out. The study asks whether it is missed "
    "as little as it looks, whether its neighbours must stay, how far back a prediction looks, and what the training "
    "objective has to do with it.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            MODEL,
            "a causal language model",
            "Similarity of neighbouring layers, static plans run beside neighbouring and random sets, restarts, "
            "decoding with and without a cache, and recency, beside an untrained twin and shuffled text.",
            cells,
            pictures.model,
            {"smoke": 1, "laptop": 3, "paper": 3},
            headline=True,
        ),
        Experiment(
            PAIR,
            "two objectives, one network",
            "A causal network and its equal that fills in masks, trained on one text and matched on cloze: plans, "
            "restarts and recency of both. Six minutes of one core a seed for the trainings.",
            pair_cells,
            pair_pictures.pair,
            {"smoke": 1, "laptop": 3, "paper": 3},
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
