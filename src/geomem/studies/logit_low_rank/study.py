"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.numbers import number
from geomem.probing.lingen.lingen import LINGEN, SINGLE
from geomem.studies.evidence import Evidence
from geomem.studies.logit_low_rank.claims import CLAIMS
from geomem.studies.logit_low_rank.experiments import EXPERIMENTS
from geomem.studies.logit_low_rank.predicates import MODEL
from geomem.studies.logit_low_rank.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Study


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    found = evidence.get("language-model")
    if found is None:
        return ""
    try:
        own, single, alpha = (
            statistics.fmean(found.measured(MODEL, metric).values())
            for metric in (f"lingen/{LINGEN}_later", f"lingen/{SINGLE}_later", "spectrum/alpha")
        )
    except RunError:
        return ""
    nearer = "comes nearer" if own < single else "comes no nearer"
    return (
        f"A fixed combination of other prompts' logits {nearer} to what a prompt would write when it is fitted after "
        f"futures: from the second token on it is {number(own)} nats from the model's predictions, {number(single)} "
        f"when it is fitted to the next token alone. The singular values of the logits fall as rank to the "
        f"−{number(alpha)}."
    )


CITATION = """@inproceedings{golowich2026sequences,
  title     = {Sequences of Logits Reveal the Low Rank Structure of Language Models},
  author    = {Golowich, Noah and Liu, Allen and Shetty, Abhishek},
  booktitle = {International Conference on Learning Representations},
  year      = {2026},
  eprint    = {2510.24966},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="logit-low-rank",
    title="The logits of histories and futures are nearly of low rank",
    paper="Golowich, Liu, Shetty; arXiv 2510.24966, ICLR 2026",
    citation=CITATION,
    summary="Write a model's logits in a matrix, a row for every history and a column for every future with its next "
    "token. If its rank is low, what follows one prompt is a combination of what follows others.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    finding=finding,
)
