"""The claims of arXiv 2403.06963 that the study judges, with their thresholds."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.pitfalls_ntp import predicates
from geomem.studies.pitfalls_ntp.predicates import HALF, THIRD, THREE_ARMS, TWO_ARMS, Chance

PAPER = "arXiv 2403.06963"


def _claims(letter: str, experiment: str, chance: Chance, arms: str) -> tuple[Claim, ...]:
    low, high = chance.level - chance.band, chance.level + chance.band
    return (
        Claim(
            f"{letter}1",
            f"Trained to name the path from its goal back to its start, a model finds it; fresh stars, {arms} arms.",
            PAPER,
            "reversing the target makes the task learnable",
            experiment,
            "path accuracy of 0.95 within 4,000 steps; pilots needed some 1,000",
            predicates.solved_reversed,
        ),
        Claim(
            f"{letter}2",
            "At that step the same model, trained with the next token from start to goal, has not found it.",
            PAPER,
            "path accuracy of about one in the number of arms",
            experiment,
            f"path accuracy of at most {chance.path:.2f}: that of a guess among the arms and a margin",
            predicates.not_forward(chance),
        ),
        Claim(
            f"{letter}3",
            "Once it reads off every node from the one before it (the Clever Hans cheat), its first step is still a "
            "guess among the arms.",
            PAPER,
            "the first node after the start stays at chance, in distribution, with ample data",
            experiment,
            f"decision accuracy in [{low:.2f}, {high:.2f}] at the first evaluation with a cheat index of 0.9",
            predicates.undecided(chance),
        ),
        Claim(
            f"{letter}4",
            "Shown the true nodes it is right where the cheat suffices, and not at the decision.",
            PAPER,
            "teacher-forced accuracy near 1 on every node but the decision",
            experiment,
            "cheat index at least 0.3 above the accuracy of the decision, at the same evaluation",
            predicates.cheat_apart,
        ),
        Claim(
            f"{letter}5",
            "Decoded freely it follows one of the arms from the start to that arm's own end.",
            PAPER,
            "failures follow a wrong arm; no share is given",
            experiment,
            "0.85 of free answers equal one of the arms, node by node, last one included, at the same evaluation",
            predicates.follows_arms,
        ),
    )


CLAIMS = (
    *_claims("A", TWO_ARMS, HALF, "two"),
    Claim(
        "A6",
        "Training on the decision alone, so that there is no cheat to learn, leaves it a guess too: what is missing is "
        "supervision of the steps between.",
        PAPER,
        "a control in the paper stays at chance",
        TWO_ARMS,
        "decision accuracy in [0.40, 0.60] at the end, and never above in between; it begins lower, below any arm",
        predicates.decision_alone,
    ),
    *_claims("B", THREE_ARMS, THIRD, "three"),
)
