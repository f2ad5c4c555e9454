"""The claims of arXiv 1711.03953, and of Levy and Goldberg (2014), with the card's thresholds."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.softmax_bottleneck import predicates
from geomem.studies.softmax_bottleneck.predicates import FLOOR, MIXTURES, MODEL, SAMPLING

MOS = "arXiv 1711.03953"

CLAIMS = (
    Claim(
        "B1",
        "Logits that give the same distributions differ by at most one in rank; with row means taken off, the rank is "
        "that of the true logits.",
        f"{MOS}, section 2.1, properties 1 and 2",
        "a theorem",
        FLOOR,
        "exact, at the rounding of float64; the true logits are Gaussian of known rank",
        predicates.ranks,
    ),
    Claim(
        "B2",
        "A softmax over as many dimensions as the rank reaches the distributions.",
        f"{MOS}, section 2.2",
        "a theorem",
        FLOOR,
        "mean KL below 1e-8 from a random start, which knows nothing of the answer",
        predicates.enough,
    ),
    Claim(
        "B3",
        "With one dimension fewer there is a floor that no softmax gets below.",
        f"{MOS}, section 2.2, corollary 1",
        "a theorem for equality; how high the floor is, it does not say",
        FLOOR,
        "mean KL above 1e-3 for the best of all starts; an upper bound on the floor, since the problem is not convex",
        predicates.too_few,
    ),
    Claim(
        "B4",
        "Negative sampling with k negatives has its optimum at the pointwise mutual information less log k, and fewer "
        "dimensions only approximate it.",
        "Levy and Goldberg 2014, section 3.1",
        "a theorem for enough dimensions",
        SAMPLING,
        "every dot product within 1e-6 at full dimension; strictly more at every smaller one",
        predicates.sampling,
    ),
    Claim(
        "B5",
        "A mixture of softmaxes breaks the bottleneck.",
        f"{MOS}, section 2.3 and table 6",
        "full rank of the vocabulary (9981) where one softmax has 400; perplexity 54.4 against 57.3",
        MIXTURES,
        "less than half the KL of one softmax of that dimension, and a rank above twice the dimension",
        predicates.softmaxes_mix,
    ),
    Claim(
        "B6",
        "A mixture of contexts, with as many parameters, does not.",
        f"{MOS}, section 2.4 and table 6",
        "rank 280 at dimension 280",
        MIXTURES,
        "rank of at most the dimension; KL within 5 % of that of one softmax",
        predicates.contexts_do_not,
    ),
    Claim(
        "B7",
        "The log-probabilities of a language model have exactly the rank of its output layer.",
        f"{MOS}, section 2.1 and table 6",
        "400 of 9981 for a softmax of dimension 400",
        MODEL,
        "exact: min(d, V - 1) with row means taken off and one more without, in float64; an output layer that does "
        "more than a product (a cap, a mixture) is another model, and then nothing is judged",
        predicates.language,
    ),
)
