"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.studies.attention_sinks import pictures
from geomem.studies.attention_sinks.claims import CLAIMS
from geomem.studies.attention_sinks.predicates import MODEL, NETWORK, STREAMS
from geomem.studies.attention_sinks.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.evidence import Evidence
from geomem.studies.language_model import lm_cells
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

HERE = "geomem.studies.attention_sinks"
SEEDS: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def stream_cells(_settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the planted streams."""
    return [Cell(STREAMS, seed, Work(seed=seed, function=f"{HERE}.planted:find_planted"), cost=0.3) for seed in seeds]


def network_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the planted network."""
    told = {"network": settings.network.model_dump(mode="json")}
    passes = settings.network.directions + 2 * settings.network.sizes
    size = settings.network.windows * settings.network.context * settings.network.width
    return [
        Cell(
            NETWORK,
            seed,
            Work(seed=seed, function=f"{HERE}.network:grow_sink", settings=told),
            cost=1 + passes * size * 1e-6,
        )
        for seed in seeds
    ]


def model_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return the cells of the language model, or of the user's."""
    own = {"reading": settings.reading.model_dump(mode="json")}
    cost = 2 + settings.reading.tokens * (2e-3 if settings.model is None else 5e-2)
    return lm_cells(
        MODEL, f"{HERE}.checkpoint:measure", seeds, settings.lm, model=settings.model, own=own, cost=cost
    )  # fmt: skip


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    if "checkpoint" not in evidence:
        return ""
    try:
        attention, share, weights, rank = (
            statistics.fmean(evidence["checkpoint"].measured(MODEL, metric).values())
            for metric in (
                "sinks/middle_attention",
                "sinks/massive_share",
                "sinks/parameters",
                "masking/rank",
            )
        )
    except RunError:
        return ""
    model = f"{weights / 1e6:.3g} million weights"
    if not attention >= 0.3:
        return (
            f"In a language model of {model} the first token is no sink by the gate: it gets {attention:.0%} of the "
            f"attention of middle layers and is five times as long as others after {share:.0%} of the blocks."
        )
    return (
        f"In a language model of {model} the first token gets {attention:.0%} of the attention of middle layers and "
        f"is five times as long as others after {share:.0%} of the blocks; counting it changes the effective rank of "
        f"a layer by {rank:.0%}."
    )


CITATION = """@misc{wong2025existence,
  title         = {On the Existence and Behavior of Secondary Attention Sinks},
  author        = {Wong and Zhang and Mahon and Luk and Isopoussu and Zhao},
  year          = {2025},
  eprint        = {2512.22213},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="attention-sinks",
    title="Primary and secondary attention sinks",
    paper="Wong, Zhang, Mahon, Luk, Isopoussu, Zhao; arXiv 2512.22213",
    citation=CITATION,
    summary="A few tokens draw attention and norm out of all proportion, and with them every cosine and rank that is "
    "measured. Does the detector find sinks whose place is known, and what does leaving them out change? Planted sinks "
    "and a language model tell.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            "checkpoint",
            "a language model",
            "Attention and norms of the first token by depth, measurements with and without sinks, secondary sinks.",
            model_cells,
            pictures.checkpoint,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "planted-streams",
            "planted streams",
            "Streams of noise with a sink at position 0 and two weaker ones, of known place and life.",
            stream_cells,
            pictures.planted_streams,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "planted-network",
            "a planted network",
            "A network with random weights in which one MLP writes a sink and a later one takes it away.",
            network_cells,
            pictures.planted_network,
            SEEDS,
            headline=True,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
