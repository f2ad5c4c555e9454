"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.claims import CLAIMS
from geomem.studies.geometric_memory.experiments import EXPERIMENTS
from geomem.studies.geometric_memory.predicates import FIRST_HOP
from geomem.studies.geometric_memory.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Study


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    phrases = [
        phrase
        for name, metric, say in (
            (
                "edges-only",
                "leaf-first-hop/held_out_retrieval",
                "told single edges of a star, a Transformer places {} of the leaves beside their own first hop",
            ),
            ("path-finding", FIRST_HOP, "shown the answer for other leaves, it names the first hop for {}"),
            ("countries", "map-recovery/ridge_r2", "told who borders whom, it holds {} of the variance in true places"),
        )
        if name in evidence and (phrase := _phrase(evidence[name], metric, say))
    ]
    sentence = "; ".join(phrases)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _phrase(evidence: Evidence, metric: str, say: str) -> str:
    try:
        trained, frozen = (statistics.fmean(evidence.measured(one, metric).values()) for one in ("trained", "frozen"))
    except RunError:
        return ""
    return f"{say.format(f'{max(0.0, trained):.0%}')} ({max(0.0, frozen):.0%} with frozen embeddings)"


CITATION = """@inproceedings{noroozizadeh2026geometric,
  title     = {Deep sequence models tend to memorize geometrically; it is unclear why},
  author    = {Noroozizadeh, Shahriar and Nagarajan, Vaishnavh and Rosenfeld, Elan and Kumar, Sanjiv},
  booktitle = {Proceedings of the International Conference on Machine Learning},
  series    = {PMLR},
  volume    = {306},
  year      = {2026},
  eprint    = {2510.26745},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="geometric-memory",
    title="Deep sequence models tend to memorise geometrically",
    paper="Noroozizadeh, Nagarajan, Rosenfeld, Kumar; arXiv 2510.26745, ICML 2026",
    citation=CITATION,
    summary="A model memorises a graph from single edges. Does it keep a look-up table, or a map in which nodes never "
    "seen together still have a distance? Paths that were never trained on tell the two apart.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    finding=finding,
)
