"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse.claims import CLAIMS
from geomem.studies.linguistic_collapse.experiments import EXPERIMENTS
from geomem.studies.linguistic_collapse.predicates import CDNV, COURSE, NC4
from geomem.studies.linguistic_collapse.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Study


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    found = evidence.get("training")
    if found is None:
        return ""
    try:
        variance, shuffled, agreement, guess = (
            statistics.fmean(found.measured(COURSE, metric, control=control).values())
            for metric in (CDNV, NC4)
            for control in ("", "chance")
        )
    except RunError:
        return ""
    return (
        f"States with one next token vary {number(variance)} times as much as the squared distance between two tokens' "
        f"means ({number(shuffled)} if next tokens were shuffled); on unseen text the output layer decides as the "
        f"nearest mean does for {number(agreement, percent=True)} of tokens ({number(guess, percent=True)} by chance)."
    )


CITATION = """@inproceedings{wu2024linguistic,
  title     = {Linguistic Collapse: Neural Collapse in (Large) Language Models},
  author    = {Wu, Robert and Papyan, Vardan},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2024},
  eprint    = {2405.17767},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="linguistic-collapse",
    title="Neural collapse in a language model",
    paper="Wu, Papyan; arXiv 2405.17767, NeurIPS 2024",
    citation=CITATION,
    summary="Classifiers trained to the end gather the states of each class in one point of a simplex. A language "
    "model has far more tokens than dimensions, and contexts that leave the next one open. This follows its training.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    finding=finding,
)
