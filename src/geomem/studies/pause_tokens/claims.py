"""The claims: what the paper says, at a size at which it can be seen on a laptop, with the card's thresholds."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.pause_tokens import predicates
from geomem.studies.pause_tokens.predicates import BOTH, COUNTS, MECHANICS

PAUSES = "arXiv 2310.02226"

CLAIMS = (
    Claim(
        "P1",
        "A pause is never a target, the answer is read at the last one, and without pauses all is as usual.",
        f"{PAUSES}, the losses of both stages",
        "not reported; it follows from the definitions",
        MECHANICS,
        "exact: as many predictions drop out as pauses survive the cut, no gradient at the pause's output, the same "
        "bits without a pause; 1e-5 nats for a loss in float32",
        predicates.mechanics,
    ),
    Claim(
        "P2",
        "A model that has learned with pauses is no better without them.",
        f"{PAUSES}, fewer pauses at test time than in fine-tuning",
        "accuracy collapses without pauses, and two of them restore much of it",
        BOTH,
        "judged once four answers in five are right. That it falls is likely, since no answer was ever read at the "
        "prompt's last token, and no theorem: a fall of less than ten points is marked in the table",
        predicates.needs_its_pauses,
    ),
    Claim(
        "P3",
        "Pauses in pre-training and fine-tuning do not cost accuracy.",
        f"{PAUSES}, nine tasks",
        "gains on eight of nine tasks at 1B, on six of nine at 130M",
        BOTH,
        "at most two points below no pauses in either stage. A gain is not asked for: at 130M the paper has lost its "
        "largest one, and here the models have a tenth of a million weights",
        predicates.is_not_worse,
    ),
    Claim(
        "P4",
        "A token that was not trained as a pause is no use as one.",
        f"{PAUSES}, untrained filler at test time",
        "full stops at test time gain nothing",
        BOTH,
        "an ordinary token in the place of pauses gains at most two points",
        predicates.filler_does_not_help,
    ),
    Claim(
        "P5",
        "A model that has seen several counts of pauses answers as well behind half of them.",
        f"{PAUSES}, other counts at test time than in fine-tuning",
        "trained with ten, between five and twenty-five are as good",
        COUNTS,
        "within ten points at half of the largest count, which is none of those it was trained with; asked of this "
        "run alone, since one that has seen a single count owes nothing at another",
        predicates.half_is_enough,
    ),
)
