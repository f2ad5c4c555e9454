"""The claims: what the paper says, at a size at which it can be seen on a laptop, with the card's thresholds."""

from __future__ import annotations

from geomem.studies.catch_your_breath import predicates
from geomem.studies.catch_your_breath.predicates import FORMS, PRICES, TOY
from geomem.studies.claim import Claim

CYB = "arXiv 2510.13879"

CLAIMS = (
    Claim(
        "C1",
        "With slot probabilities given, each loss asks to wait as its closed form says.",
        "geomem, from the losses as reconstructed",
        "not in the paper; the losses here are partly reconstructed, and this is what they were built to do",
        FORMS,
        "q within 1e-2 after descent on free odds; cross-entropy for one slot at the rounding of float64",
        predicates.forms,
    ),
    Claim(
        "C2",
        "A model asks for time where a target must be looked up, and not where it follows from the token before.",
        f"{CYB}, abstract and examples of tokens",
        "pauses after plural nouns, none after the first piece of a contraction",
        TOY,
        "mean don't-know at least .15 higher; judged once look-ups are right four times in five, for a model that "
        "cannot do them has nothing to wait for",
        predicates.waits_where_it_is_hard,
    ),
    Claim(
        "C3",
        "It does not ask for time where no time helps.",
        f"{CYB}, as a matter of the losses",
        "not reported",
        TOY,
        "mean don't-know at noise at least .15 lower than at look-ups: what separates it from plain uncertainty",
        predicates.does_not_wait_for_noise,
    ),
    Claim(
        "C4",
        "The dearer time is, the less of it is used.",
        f"{CYB}, CYB-AP",
        "accuracy is discounted over time",
        PRICES,
        "slots used rise with gamma at every step: three values in order",
        predicates.time_has_a_price,
    ),
    Claim(
        "C5",
        "Asking for time costs no accuracy where it is not needed.",
        f"{CYB}, abstract",
        "better perplexity than without pauses; a baseline without them needs three times the data",
        TOY,
        "loss over real symbols at the stopping slot at most .01 nats above a model without slots, at equal steps",
        predicates.costs_nothing,
    ),
)
