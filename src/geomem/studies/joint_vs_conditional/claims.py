"""What is claimed of logits as joint probabilities (arXiv 2602.18671), in the forms that can be tested exactly."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.joint_vs_conditional import predicates
from geomem.studies.joint_vs_conditional.predicates import FEATURES, SEQUENCES

BLOG = "V. Nagarajan, What does a language model model? (2026)"
OURS = "geomem, an exact form of the question in " + BLOG

CLAIMS = (
    Claim(
        "J1",
        "Gradient descent on unconstrained features leaves centred logits whose level goes with the log-probability of "
        "the context: they track the joint probability, not the conditional one alone.",
        OURS,
        "asked as an open question",
        FEATURES,
        "partial correlation above 0.9 and slope from 0.7 to 1.2 at every step once the gap is below 0.01; the joint "
        "reading says 1, the conditional one 0",
        predicates.fitted,
    ),
    Claim(
        "J2",
        "Along a ridge path the slope grows as the ridge falls.",
        OURS,
        "asked as an open question",
        FEATURES,
        "from every ridge to the next smaller one; stationarity gives (1 - k/V)(log pi - log ridge)",
        predicates.rises,
    ),
    Claim(
        "J3",
        "Unseen tokens carry the signal: where every token may follow, the level says next to nothing of the context's "
        "probability.",
        OURS,
        "asked as an open question",
        FEATURES,
        "|slope| below 0.2 at all times; the correlation is not judged, for it is high in passing",
        predicates.flat,
    ),
    Claim(
        "J4",
        "And it vanishes in the end: finite log-odds pin the logits.",
        OURS,
        "asked as an open question",
        FEATURES,
        "|slope| at most 0.1 at all times and below 0.02 once the gap is below 2e-5",
        predicates.flatter,
    ),
    Claim(
        "J5",
        "Spilled energy needs a declared gauge: a constant a context, which changes no prediction, changes what the "
        "raw metric detects, and nothing of the centred one.",
        "arXiv 2602.18671, definition; geomem, gauge control",
        "the gauge is not mentioned",
        SEQUENCES,
        "centred: the same to 1e-6; raw: its AUROC moves by more than 0.01, ten thousand times as much, when the shift "
        "is a random linear function of the states as large as the logits",
        predicates.gauge,
    ),
    Claim(
        "J6",
        "In the centred gauge the marginal energy is a property of the predicted distribution and no density beside "
        "it.",
        "arXiv 2602.18671, marginal energy; geomem, identity",
        "total energy is read as that of the context",
        SEQUENCES,
        "logsumexp = -mean log p to 1e-12, of a trained Transformer's logits in float64",
        predicates.identity,
    ),
)
