"""The study put together: experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.over_training import Course, over_training
from geomem.studies.representation_phases.claims import CLAIMS
from geomem.studies.representation_phases.course import RANKME
from geomem.studies.representation_phases.experiments import EXPERIMENTS
from geomem.studies.representation_phases.predicates import COURSE, TOY
from geomem.studies.representation_phases.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Study


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said = [
        _say(evidence[name], sentence)
        for name, sentence in (("language-model", _course), ("language-model", _alone), ("toy", _toy))
        if name in evidence
    ]
    return " ".join(one for one in said if one)


def _say(evidence: Evidence, sentence: Callable[[Evidence], str]) -> str:
    try:
        return sentence(evidence)
    except RunError:
        return ""


def _course(evidence: Evidence) -> str:
    first, lowest, last = (_mean(evidence, one) for one in (_first, _lowest, _last))
    step = _mean(evidence, lambda found: float(min(found, key=lambda place: found[place])))
    return (
        f"The language model's effective rank goes from {number(first)} down to {number(lowest)} (step {step:.0f}) and "
        f"up to {number(last)} at the end of training."
    )


def _alone(evidence: Evidence) -> str:
    own, untrained = (
        statistics.fmean(evidence.measured(COURSE, RANKME, control=control).values()) for control in ("", "untrained")
    )
    return f"The model's effective rank is {number(own)} after the final norm, and {number(untrained)} untrained."


def _toy(evidence: Evidence) -> str:
    tilt = evidence.settings.toy.control_tilt
    fall, wider = (
        statistics.fmean(evidence.measured(TOY, f"{name}/{metric}").values())
        for name, metric in ((f"tilt-{tilt:g}", "drawdown_of_most"), ("wider", "drawdown_largest"))
    )
    after = f"falls again by {number(fall)} after its peak, and by {number(wider)} with a dimension more"
    return f"In the linear toy it {after}."


def _mean(evidence: Evidence, combine: Callable[[Course], float]) -> float:
    return statistics.fmean(over_training(evidence, COURSE, combine, RANKME).values())


def _first(found: Course) -> float:
    return found[min(found)]


def _lowest(found: Course) -> float:
    return min(found.values())


def _last(found: Course) -> float:
    return found[max(found)]


CITATION = """@inproceedings{li2025tracing,
  title     = {Tracing the Representation Geometry of Language Models from Pretraining to Post-training},
  author    = {Li, Melody Zixuan and Agrawal, Kumar Krishna and Ghosh, Arna and Teru, Komal Kumar and Santoro, Adam
               and Lajoie, Guillaume and Richards, Blake A.},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2025},
  eprint    = {2509.23024},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="representation-phases",
    title="Three phases of representation geometry",
    paper="Li, Agrawal, Ghosh, Teru, Santoro, Lajoie, Richards; arXiv 2509.23024, NeurIPS 2025",
    citation=CITATION,
    summary="Loss falls steadily in training, the spectrum of hidden states does not: it collapses, spreads out and "
    "is compressed again. A small language model is followed from its first step, and a linear toy shows why.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    finding=finding,
)
