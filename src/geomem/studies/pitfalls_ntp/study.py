"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics

from geomem.errors import RunError
from geomem.numbers import number
from geomem.studies.evidence import Evidence
from geomem.studies.pitfalls_ntp import cells, pictures
from geomem.studies.pitfalls_ntp.claims import CLAIMS
from geomem.studies.pitfalls_ntp.predicates import (
    CASCADE,
    CHEAT,
    DECISION,
    EXACT,
    FINITE,
    MAMBA,
    SOLVED,
    THREE_ARMS,
    THREE_NODES,
    TWO_ARMS,
)
from geomem.studies.pitfalls_ntp.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.study import Experiment, ScaleName, Study

THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}
ONE: dict[ScaleName, int] = {"smoke": 1, "laptop": 1, "paper": 3}

EXPERIMENTS = (
    Experiment(TWO_ARMS, "four ways of training on stars of two arms",
               "Next token from start to goal, the same path reversed, all nodes at once (teacherless), and the "
               "decision alone.",
               cells.two_arms, pictures.exhibits(TWO_ARMS, "star"), THREE, headline=True),
    Experiment(THREE_ARMS, "three arms to choose from", "Forward and reversed; chance is a third.",
               cells.three_arms, pictures.exhibits(THREE_ARMS, "three_arms"), THREE),
    Experiment(THREE_NODES, "arms of three nodes: no contrast",
               "The one unknown node is the goal's parent in both directions, so forward and reversed ask the same. "
               "Judged by nobody.",
               cells.three_nodes, pictures.exhibits(THREE_NODES, "three_nodes"), THREE),
    Experiment(FINITE, "a fixed set of training prompts",
               "The decision can be memorised prompt by prompt; fresh prompts tell. Judged by nobody.",
               cells.finite, pictures.finite, THREE),
    Experiment(MAMBA, "a state-space model", "Forward and reversed, with Mamba. Judged by nobody.",
               cells.mamba, pictures.exhibits(MAMBA, "star"), THREE),
    Experiment(CASCADE, "teacherless at a low load",
               "A larger network, few names and many steps: are nodes learned from the goal back? Judged by nobody.",
               cells.cascade, pictures.exhibits(CASCADE, "star"), ONE),
)  # fmt: skip


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentence, from what was measured alone; "" lets the report compose one."""
    found = evidence.get(TWO_ARMS)
    try:
        if found is None:
            return ""
        cheat, decision, exact, back = (
            statistics.fmean(found.measured(condition, metric).values())
            for condition, metric in (("forward", CHEAT), ("forward", DECISION), ("forward", EXACT),
                                      ("reversed", EXACT))
        )  # fmt: skip
    except RunError:
        return ""
    if not cheat >= SOLVED:
        return (
            f"Trained on the next token, the model has not learned to read a path off its edges (cheat index "
            f"{number(cheat, percent=True)}), so that nothing can be said of how it decides."
        )
    return (
        f"Trained on the next token, a model gets {number(cheat, percent=True)} of the nodes that follow from the one "
        f"before, {number(decision, percent=True)} of its first steps right, where guessing gets "
        f"{number(1 / found.settings.star.arms, percent=True)}, and {number(exact, percent=True)} of whole paths; the "
        f"same model trained on reversed paths gets {number(back, percent=True)}."
    )


CITATION = """@inproceedings{bachmann2024pitfalls,
  title     = {The Pitfalls of Next-Token Prediction},
  author    = {Bachmann, Gregor and Nagarajan, Vaishnavh},
  booktitle = {Proceedings of the International Conference on Machine Learning},
  series    = {PMLR},
  volume    = {235},
  year      = {2024},
  eprint    = {2403.06963},
  archivePrefix = {arXiv}
}"""

STUDY = Study(
    name="pitfalls-ntp",
    title="The pitfalls of next-token prediction",
    paper="Bachmann, Nagarajan; arXiv 2403.06963, ICML 2024",
    citation=CITATION,
    summary="A star of a few arms stands in the prompt, with a start and a goal. Every node of the path but one "
    "follows from the node before it; the first step must be planned. Shown the true nodes in training, does a model "
    "learn to plan, or only to follow? The same data reversed, or with nothing shown, tell.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=EXPERIMENTS,
    claims=CLAIMS,
    finding=finding,
)
