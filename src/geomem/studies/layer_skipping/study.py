"""The study put together: its experiment, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import lm_cells
from geomem.studies.layer_skipping import pictures
from geomem.studies.layer_skipping.claims import CLAIMS
from geomem.studies.layer_skipping.predicates import MODEL
from geomem.studies.layer_skipping.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.study import Cell, Experiment, Study

MEASURE = "geomem.studies.layer_skipping.work:measure"


def cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed of the language model, or one of the user's."""
    own = {"settings": settings.model_dump(mode="json")}
    runs = (
        settings.plans.windows * (settings.lm.layers + 12 * len(settings.plans.budgets)) + 12 * settings.recency.windows
    )
    cost = 5.0 + runs * settings.lm.context * settings.lm.weights * 6e-11
    return lm_cells(MODEL, MEASURE, seeds, settings.lm, model=settings.model, own=own, cost=cost)


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
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
    summary="A layer whose output looks like its input might as well be left out: whether it is missed as little as it "
    "looks, whether it matters that neighbours stay, and how far back a prediction looks.",
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
    ),
    claims=CLAIMS,
    finding=finding,
)
