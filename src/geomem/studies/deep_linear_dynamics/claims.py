"""The claims of arXiv 1312.6120 and one of 2505.08348: what is said, where, and which predicate judges it."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.deep_linear_dynamics import predicates

PAPER = "arXiv 1312.6120"

CLAIMS = (
    Claim(
        "S1",
        "From a decoupled balanced start every mode follows its own sigmoid.",
        f"{PAPER}, section 2",
        "closed form",
        "modes",
        "what the learning rate of 0.001 leaves, and it halves with the rate, as it must for a first-order method",
        predicates.sigmoid,
    ),
    Claim(
        "S2",
        "A mode whose two factors differ takes the time of the closed form in theta.",
        f"{PAPER}, section 2 and appendix",
        "closed form",
        "modes",
        "Runge-Kutta steps that are small enough leave nothing else",
        predicates.unbalanced,
    ),
    Claim(
        "S5",
        "From small random weights modes follow sigmoids of an effective start, the better the smaller the weights.",
        f"{PAPER}, section 2, Fig. 3",
        "half-times within roughly 10 to 20 % of theory",
        "modes",
        "within 10 % with one start fitted on the strongest mode for all modes; the strongest itself is not counted",
        predicates.small_random,
    ),
    Claim(
        "S5-start",
        "The effective start of every mode can be read off the initial weights, so that half-times need no fit.",
        f"linearised equations of {PAPER}, section 2; not in the paper",
        "not in the paper",
        "modes",
        "the 10 % of S5; added after a first look at S5, whose fit missed the weights' chance differences",
        predicates.read_off,
    ),
    Claim(
        "S3",
        "From one strength at the start, D times the learning time rises with the depth D to a finite limit.",
        f"{PAPER}, section 3",
        "closed form",
        "depth",
        "Runge-Kutta steps that are small enough leave nothing else",
        predicates.integral,
    ),
    Claim(
        "S4",
        "Full matrices with random inner bases follow the equation of one mode at depth four.",
        f"{PAPER}, section 3",
        "closed form",
        "depth",
        "what the learning rate of 0.0002 leaves, with room for other seeds",
        predicates.matrices,
    ),
    Claim(
        "D1",
        "From orthogonal weights the iterations at the best learning rate do not grow with depth.",
        f"{PAPER}, section 3 and Fig. 6",
        "depth-independent training times up to 100 layers",
        "depth",
        "D t of the weakest mode grows by 38 % from depth 8 to the limit, so growth beyond half would be another law",
        predicates.orthogonal,
    ),
    Claim(
        "D2",
        "From scaled Gaussian weights of the same product deep networks need far more iterations than from orthogonal.",
        f"{PAPER}, section 3 and Fig. 6",
        "training times grow with depth",
        "depth",
        "at least twice as many; where the budget ends the count, it is a lower bound",
        predicates.gaussian,
    ),
    Claim(
        "S6",
        "The covariance of features that diffuse down a tree has one eigenvalue a level, falling from root to leaves.",
        f"{PAPER}, section 2; arXiv 1810.10531",
        "closed form",
        "hierarchy",
        "exact for the covariance; 5 % for means over drawn tables",
        predicates.spectrum,
    ),
    Claim(
        "S7",
        "Coarse distinctions are learned before fine ones, each level in a time inverse to its singular value.",
        f"{PAPER}, section 2, Fig. 3; arXiv 1810.10531",
        "discrete stages, from the root down",
        "hierarchy",
        "strictly by level; s × half-time may vary by the logarithm of s / u0, which is less than 10 % here",
        predicates.stages,
    ),
    Claim(
        "S8",
        "A single matrix learns all modes at one rate: stages are what depth adds.",
        f"{PAPER}, section 2",
        "closed form",
        "control",
        "2 % for a start that is not quite zero; two matrices are the condition that there is something to see",
        predicates.control,
    ),
    Claim(
        "N1",
        "Softmax logits of next tokens, too, learn the larger singular values of the centred support first.",
        "arXiv 2505.08348",
        "larger singular values are learned first",
        "next-token",
        "beyond chance: of shuffled orders of 15 modes 97 % stay above -0.5. The bound was set after a first look",
        predicates.support_order,
    ),
)
