"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.representation_comparison import pictures
from geomem.studies.representation_comparison.claims import CLAIMS
from geomem.studies.representation_comparison.predicates import DIGITS, noise
from geomem.studies.representation_comparison.settings import LAPTOP, PAPER, SMOKE, Settings
from geomem.studies.representation_comparison.systems import CONDITION, OTHER, model_cells
from geomem.studies.study import Cell, Experiment, ScaleName, Study
from geomem.training.work import Work

SEEDS: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 5}


def digits_cells(settings: Settings, seeds: Sequence[int]) -> list[Cell]:
    """Return a cell a seed, each with two networks."""
    told = {"digits": settings.digits.model_dump(mode="json")}
    function = "geomem.studies.representation_comparison.digits:compare_digits"
    cost = 1 + 0.05 * settings.digits.epochs + 1.5 * settings.digits.draws
    return [Cell(DIGITS, seed, Work(seed=seed, function=function, settings=told), cost=cost) for seed in seeds]


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said: list[str] = []
    try:
        if "digits" in evidence:
            stimuli = min(size for size, _ in evidence["digits"].settings.digits.sizes)
            biased, unbiased, svcca = (
                statistics.fmean(values[-1] for values in noise(evidence["digits"], DIGITS, metric).values())
                for metric in ("cka", "cka-unbiased", "svcca")
            )
            said.append(
                f"From {stimuli} stimuli pure noise scores {svcca:.2f} in SVCCA and {biased:.2f} in biased CKA, and "
                f"{round(unbiased, 2) + 0.0:.2f} in unbiased CKA."
            )
        if "language-models" in evidence:
            found = evidence["language-models"]
            trusted, size = (
                statistics.fmean(
                    value
                    for seed in found.seeds(CONDITION)
                    for value in found.profile(CONDITION, seed, f"{OTHER}/{key}")[1]
                )
                for key in ("trusted", "set")
            )
            said.append(
                f"Of the layers of a second language model {trusted:.0%} have one match in the first that stands out; "
                f"on average the words leave {size:.1f} layers open."
            )
    except RunError:
        pass
    return " ".join(said)


CITATION = """@inproceedings{shi2019comparison,
  title     = {Comparison Against Task Driven Artificial Neural Networks Reveals Functional Organization of Mouse Visual
               Cortex},
  author    = {Shi, Jianghong and Shea-Brown, Eric and Buice, Michael A.},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2019},
  eprint    = {1911.07986},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="representation-comparison",
    title="Comparing representations from few stimuli and units",
    paper="Shi, Shea-Brown, Buice; arXiv 1911.07986, NeurIPS 2019; with 2508.18226 and 2410.14031",
    citation=CITATION,
    summary="Brains and networks are compared on a hundred stimuli and some dozen units. What similarity scores still "
    "say there, which layers they tell apart, and what pure noise scores.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            "digits",
            "two networks on digits",
            "Two perceptrons from different seeds, compared from ever smaller samples of pictures and units.",
            digits_cells,
            pictures.digits,
            SEEDS,
            headline=True,
        ),
        Experiment(
            "language-models",
            "language models",
            "Where the layers of another seed, a shallower sibling and an untrained twin sit in a language model, and "
            "how many words that takes.",
            model_cells,
            pictures.language_models,
            SEEDS,
            headline=True,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)
