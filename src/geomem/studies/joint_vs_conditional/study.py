"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.models.places import find_checkpoint
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.joint_vs_conditional import pictures
from geomem.studies.joint_vs_conditional.claims import CLAIMS
from geomem.studies.joint_vs_conditional.features import DENSE, DESCENT
from geomem.studies.joint_vs_conditional.predicates import (
    ARITHMETIC,
    DENSE_SOURCE,
    FEATURES,
    SEQUENCES,
    SPARSE_SOURCE,
)
from geomem.studies.joint_vs_conditional.sequences import MODEL, training
from geomem.studies.joint_vs_conditional.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.study import Cell, Experiment, ScaleName, Shared, Study
from geomem.training.work import Work

HERE = "geomem.studies.joint_vs_conditional"
THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def feature_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed: every run on unconstrained features."""
    own = settings.features
    steps = 2 * own.steps + own.dense_steps
    cost = 5.0 + steps * (4e-5 + own.vocabulary * own.contexts * own.width * 1e-9)
    told = {"features": own.model_dump(mode="json")}
    function = f"{HERE}.features:run_features"
    return [Cell(FEATURES, seed, Work(seed=seed, function=function, settings=told), cost=cost) for seed in seeds]


def sequence_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return two cells a seed: a Transformer on the source, and on its dense variant."""
    own = settings.sequences
    tokens = own.steps * own.batch * own.source.length
    cost = 2.0 + 6 * 12 * own.layers * own.width**2 * tokens / 1e10
    cells: list[Cell] = []
    for seed in seeds:
        for dense, condition in ((False, SPARSE_SOURCE), (True, DENSE_SOURCE)):
            told = {"sequences": own.model_dump(mode="json"), "dense": dense}
            work = Work(seed=seed, function=f"{HERE}.sequences:run_sequences", settings=told)
            needs = {MODEL: Shared(training(own, seed, dense=dense), cost)}
            cells.append(Cell(condition, seed, work, cost=10.0, needs=needs))
    return cells


def arithmetic_cells(settings: Settings, _seeds: Sequence[int]) -> list[Cell]:
    """Return one cell for the model that was given; none without. Raises InputError when it is no checkpoint."""
    if settings.model is None:
        return []
    find_checkpoint(settings.model)
    told = {"model": settings.model, "arithmetic": settings.arithmetic.model_dump(mode="json")}
    cost = 1.0 * settings.arithmetic.items * (1 + len(settings.arithmetic.ranges))
    return [Cell(ARITHMETIC, 0, Work(function=f"{HERE}.arithmetic:run_arithmetic", settings=told), cost=cost)]


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said: list[str] = []
    for experiment, sentence in ((FEATURES, _of_features), (SEQUENCES, _of_sequences), (ARITHMETIC, _of_sums)):
        if experiment in evidence:
            with contextlib.suppress(RunError):
                said.append(sentence(evidence[experiment]))
    return " ".join(said)


def _of_features(own: Evidence) -> str:
    slopes = [number(statistics.fmean(own.measured(FEATURES, f"{name}/slope").values())) for name in (DESCENT, DENSE)]
    return (
        f"With unconstrained features the level of centred logits goes with the log-probability of the context at "
        f"a slope of {slopes[0]}; where every token may follow, at {slopes[1]}."
    )


def _of_sequences(own: Evidence) -> str:
    pair, prefix = (
        number(statistics.fmean(own.measured(SPARSE_SOURCE, f"{name}/centred/correlation").values()))
        for name in ("pair", "prefix")
    )
    spill, raw, plain = (
        number(statistics.fmean(own.measured(SPARSE_SOURCE, f"anomaly/{name}").values()))
        for name in ("spill_centred", "spill_raw_shifted", "surprise")
    )
    return (
        f"In a small Transformer the partial correlation is {pair} for pairs of tokens and {prefix} for whole "
        f"prefixes. Forbidden tokens are found with an AUROC of {spill} by the centred spill, {raw} by the raw one "
        f"after a change of gauge, {plain} by -log p."
    )


def _of_sums(own: Evidence) -> str:
    settings: Settings = own.settings
    low, high = settings.arithmetic.ranges[0]
    spill, plain = (
        number(statistics.fmean(own.measured(ARITHMETIC, f"off_{low}_to_{high}/{name}/mean").values()))
        for name in ("spill_centred", "surprise")
    )
    return (
        f"Sums that are off by {low} to {high} are told from right ones with an AUROC of {spill} by the centred spill "
        f"and {plain} by -log p, means over the answer's tokens; 0.5 is chance."
    )


CITATION = """@inproceedings{minut2026spilled,
  title     = {Spilled Energy in Large Language Models},
  author    = {Minut, A. R. and Dewidar, H. and Masi, I.},
  booktitle = {International Conference on Learning Representations},
  year      = {2026},
  eprint    = {2602.18671},
  archivePrefix = {arXiv}
}

@misc{nagarajan2026joint,
  title  = {What does a language model model?},
  author = {Nagarajan, Vaishnavh},
  year   = {2026},
  note   = {Blog post, 27 February 2026}
}"""

STUDY = Study(
    name="joint-vs-conditional",
    title="Do logits hold joint or conditional probabilities?",
    paper="Minut, Dewidar, Masi; arXiv 2602.18671, ICLR 2026. Nagarajan; blog post, 2026",
    citation=CITATION,
    summary="Next-token training fixes probabilities given the context, and leaves the level of a context's logits "
    "free. The study asks whether that level holds the probability of the context all the same, and what spilled "
    "energy, which rests on it, detects.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(FEATURES, "unconstrained features", "Gradient descent, a ridge path and a control without unseen "
                   "tokens, on contexts whose probabilities span three decades.", feature_cells, pictures.features,
                   THREE, headline=True),
        Experiment(SEQUENCES, "a Transformer on a known source", "Levels, spill and gauge of a small Transformer "
                   "trained on a Markov source of order 2, and on one that forbids nothing.", sequence_cells,
                   pictures.sequences, THREE, headline=True),
        Experiment(ARITHMETIC, "sums", "Spilled energy of right and wrong sums in a language model of the user's; left "
                   "out without one.", arithmetic_cells, pictures.arithmetic, {"smoke": 1, "laptop": 1, "paper": 1}),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
