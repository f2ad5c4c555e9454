"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.pause_tokens import cells, pictures
from geomem.studies.pause_tokens.claims import CLAIMS
from geomem.studies.pause_tokens.predicates import BOTH, COUNTS, CROSSED, MECHANICS, accuracy
from geomem.studies.pause_tokens.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Experiment, ScaleName, Study

THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    try:
        own = evidence[BOTH]
        count = own.settings.pauses
        plain, paused, none, two = (
            number(statistics.fmean(own.measured(condition, accuracy(asked)).values()), percent=True)
            for condition, asked in (("standard-standard", 0), ("pause-pause", count), ("pause-pause", 0),
                                     ("pause-pause", 2))
        )  # fmt: skip
    except (KeyError, RunError):
        return ""
    return (
        f"Without pauses in training a model looks up {plain} of the keys it is asked for; with pauses in both stages "
        f"{paused} behind {count} of them, {two} behind two and {none} behind none."
    )


CITATION = """@inproceedings{goyal2024think,
  title     = {Think before you speak: Training Language Models With Pause Tokens},
  author    = {Goyal, Sachin and Ji, Ziwei and Rawat, Ankit Singh and Menon, Aditya Krishna and Kumar, Sanjiv and
               Nagarajan, Vaishnavh},
  booktitle = {International Conference on Learning Representations},
  year      = {2024},
  eprint    = {2310.02226},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="pause-tokens",
    title="Think before you speak: pause tokens",
    paper="Goyal, Ji, Rawat, Menon, Kumar, Nagarajan; arXiv 2310.02226, ICLR 2024",
    citation=CITATION,
    summary="A pause before the answer gives a model more positions to compute in, and no more depth. Whether it helps "
    "where it was seen in pre-training, in fine-tuning, in both or in neither, and whether a model needs the number it "
    "was trained with.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(MECHANICS, "what must be exact", "Masked predictions, the pause's output row, the limit of no pause "
                   "and the place where the answer is read.", cells.mechanics, pictures.mechanics, THREE,
                   headline=True),
        Experiment(BOTH, "pauses in both stages or in neither", "Pre-training on text, pairs and copies, fine-tuning "
                   "on looking up, without and with pauses; asked behind 0 to 40 pauses.", cells.variants,
                   pictures.variants, THREE, headline=True),
        Experiment(CROSSED, "pauses in one stage alone", "The same with pauses in pre-training or in fine-tuning. "
                   "Reported; nothing is judged.", cells.crossed, pictures.variants, THREE),
        Experiment(COUNTS, "how many pauses", "Pauses in both stages, by their number in fine-tuning: fixed, or drawn "
                   "for every batch.", cells.counts, pictures.counts, THREE),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
