"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.algorithmic_creativity import pictures
from geomem.studies.algorithmic_creativity.cells import length_cells, list_cells, sibling_cells, triangle_cells
from geomem.studies.algorithmic_creativity.claims import CLAIMS
from geomem.studies.algorithmic_creativity.predicates import GREEDY, LENGTHS, LISTS, SIBLINGS, TRIANGLES, WARM
from geomem.studies.algorithmic_creativity.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.evidence import Evidence
from geomem.studies.study import Experiment, ScaleName, Study

THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    try:
        own = evidence[SIBLINGS]
        hybrid, seeded, ceiling = (
            number(statistics.fmean(own.measured(condition, name).values()))
            for condition, name in (
                ("hybrid-seed", GREEDY), ("ntp-seed", GREEDY), ("ntp", "siblings/ceiling"),
            )
        )  # fmt: skip
        last = number(statistics.fmean(own.measured("ntp", WARM).values()))
        peak = number(statistics.fmean(own.best("ntp", WARM).values()))
    except (KeyError, RunError):
        return ""
    return (
        f"With a seed before the prompt and greedy decoding, the hybrid objective has a creativity of {hybrid} at the "
        f"end of training, next-token prediction {seeded}. Sampled at temperature 1 without seeds, next-token "
        f"prediction ends at {last} and was at {peak} before. Uniform sampling over all that is coherent has {ceiling}."
    )


CITATION = """@inproceedings{nagarajan2025roll,
  title     = {Roll the dice \\& look before you leap: Going beyond the creative limits of next-token prediction},
  author    = {Nagarajan, Vaishnavh and Wu, Chen Henry and Ding, Charles and Raghunathan, Aditi},
  booktitle = {International Conference on Machine Learning},
  year      = {2025},
  eprint    = {2504.15266},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="algorithmic-creativity",
    title="New combinations: objectives, seeds and temperature",
    paper="Nagarajan, Wu, Ding, Raghunathan; arXiv 2504.15266, ICML 2025",
    citation=CITATION,
    summary="Networks that know families, a graph or a form from examples are asked for new ones. How many are "
    "coherent, new and different, by training objective, with a random seed before the prompt, and by temperature.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(SIBLINGS, "new siblings", "Four methods at equal passes on sibling discovery: next tokens without "
                   "and with seeds, the hybrid with seeds, masked diffusion.", sibling_cells, pictures.siblings, THREE,
                   headline=True),
        Experiment(LENGTHS, "how long a seed", "Next-token training with seeds of several lengths, read greedily.",
                   length_cells, pictures.lengths, THREE),
        Experiment(TRIANGLES, "new triangles", "Triangles of one graph whose edges and triangles are examples; "
                   "reported, not judged.", triangle_cells, pictures.triangles, THREE),
        Experiment(LISTS, "new circles and lines", "Lists of edges in new patterns; reported, not judged.",
                   list_cells, pictures.lists, THREE),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
