"""The claims of arXiv 2510.24966: what the paper says, where, what it reports, and which predicate judges it."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.logit_low_rank import predicates

PAPER = "arXiv 2510.24966"
LM, ISAN, HMM = "language-model", "isan", "hmm"

CLAIMS = (
    Claim(
        "L1",
        "The singular values of the extended logit matrix follow a power law with an exponent above one half.",
        f"{PAPER}, singular values",
        "0.536 (OLMo-7B on wiki), 0.543 with 200 tokens a future",
        LM,
        "above one half a rank that does not grow with the matrix suffices; a network of this size is steeper (a "
        "pilot had .78), but no law of so few directions that the exponent passes 1.2",
        predicates.slope,
    ),
    Claim(
        "L2",
        "The more rank a truncation has, the nearer are its predictions.",
        f"{PAPER}, average KL",
        "falls over ranks 5 to 500",
        LM,
        "no truncation of more rank may be further off in KL; the Frobenius norm alone is sure to fall",
        predicates.falling,
    ),
    Claim(
        "L3",
        "A prompt's continuations follow from a fixed combination of other prompts' logits, fitted after futures.",
        f"{PAPER}, LinGen",
        "cumulative KL 2.85 against 10.79 with the single-token matrix (OLMo-1B, 15 steps)",
        LM,
        "the single-token variant, from step 2 on since it is fitted to step 1; the paper has .26, a pilot of "
        "this size .35, and .6 leaves room for either to vary",
        predicates.lingen,
    ),
    Claim(
        "L4",
        "The same holds when the other prompts and the futures are nonsense.",
        f"{PAPER}, LinGen, option 2",
        "4.95 against 14.41",
        LM,
        "the same bound as for L3",
        predicates.nonsense,
    ),
    Claim(
        "L5",
        "Linear relations between histories carry over to nonsense futures.",
        f"{PAPER}, transfer",
        "many principal cosines near 1",
        LM,
        "another set of text futures is the most that can be expected, shuffled entries are chance; more than half of "
        "the way between them must be left",
        predicates.transfer,
    ),
    Claim(
        "L6",
        "The mean KL of a fit is at most a quarter of its mean squared error.",
        f"{PAPER}, bound (there with the constant 1)",
        "theorem; log-sum-exp is 1/2-smooth",
        LM,
        "holds for any two matrices; a violation would be an error in the code",
        predicates.bound,
    ),
    Claim(
        "G1",
        "The logits of an input-switched affine network of dimension d have rank d.",
        f"{PAPER}, Theorem (ISAN)",
        "theorem",
        ISAN,
        "exact up to rounding, for d = 8, 4 tokens, 200 histories and 200 futures",
        predicates.exact_rank,
    ),
    Claim(
        "G2",
        "LinGen is exact on such a network, and without futures it is not.",
        f"{PAPER}, Theorem and LinGen",
        "theorem",
        ISAN,
        "exact up to rounding; four tokens say too little of eight dimensions, a pilot had 10.2 nats",
        predicates.exact_lingen,
    ),
    Claim(
        "G3",
        "A hidden Markov model is not exactly of low rank in logits, but rank 2 is near in KL.",
        f"{PAPER}, approximate rank",
        "no number; a pilot had less than .001",
        HMM,
        "a thousandth of a nat, for 24 states and 4 tokens",
        predicates.markov,
    ),
)
