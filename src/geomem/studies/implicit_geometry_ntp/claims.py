"""The claims of arXiv 2408.15417 and 2402.18551: what is said, where, what was reported, and which predicate judges it.

The card that this study is built from has the text of 2402.18551 and, of 2408.15417, the abstract and the released code
and logs: statements are in our own words, and theorem numbers are left out where they could not be read.
"""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.implicit_geometry_ntp import predicates

PAPER, PRIOR = "arXiv 2408.15417", "arXiv 2402.18551"
LOGS = f"{PAPER}, released code and logs"

CLAIMS = (
    Claim(
        "N1",
        "Free word and context vectors under gradient descent end in the closed form, where all subsets of the "
        "vocabulary are supports: logits along the centred support, words as a simplex.",
        f"{PAPER}, symmetric supports",
        "closed form",
        "symmetric",
        "T2: 1e5 steps leave a cosine of 0.9999 and a gap of 1e-5; an order of magnitude of room",
        predicates.descent_uniform,
    ),
    Claim(
        "N2",
        "The finite part of the logits is the log-odds of the frequencies; what is left depends on the supports alone.",
        f"{PAPER}, sparse plus low rank",
        "||L - L_in|| / ||L|| 0.9997 at ||L_in|| = 21.15, ||L|| = 835 (403 contexts of a text, not redone)",
        "symmetric",
        "T3: 1e5 steps leave 2e-5 from the log-odds and a cosine of 0.9999; room of more than an order of magnitude",
        predicates.descent_frequencies,
    ),
    Claim(
        "N3",
        "With uneven contexts the direction is the same, reached slowly.",
        f"{PAPER}, logarithmic convergence",
        "figures without printed numbers",
        "symmetric",
        "T4: 0.994 after 1e5 steps and still rising",
        predicates.descent_contexts,
    ),
    Claim(
        "N4",
        "Along the ridge path the gap is the ridge times |L_mm|_*, and |L|_* grows by |L_mm|_* ln 10 a decade.",
        f"{PAPER}, ridge path; laws derived from stationarity",
        "derived, not printed in the paper",
        "symmetric",
        "T5: first-order laws, whose corrections are of the order of the ridge over pi",
        predicates.ridge_laws,
    ),
    Claim(
        "N5",
        "A token that cannot follow keeps the probability ridge k / (V sigma pi).",
        f"{PAPER}, ridge path; law derived from stationarity",
        "derived, not printed in the paper",
        "symmetric",
        "T6: at ridge 1e-5 the correction is of the order 1e-5 / pi = 6e-5",
        predicates.outside,
    ),
    Claim(
        "N6",
        "Descent without a bias never changes the sum of the word vectors.",
        f"{PAPER}, gradient of the loss",
        "exact",
        "symmetric",
        "T11: rounding of 1e5 steps",
        predicates.invariant,
    ),
    Claim(
        "N7",
        "The centred support is nearly the NTP-SVM solution where nothing is symmetric.",
        LOGS,
        "nuclear norms 199.141 and 197.881 (ratio 1.0064), cosine 0.987, on 403 contexts (not redone)",
        "random-supports",
        "T7: ratios from 1.0000 to 1.0027 in the card's instances; never below 1, as it is feasible",
        predicates.proxy,
    ),
    Claim(
        "N8",
        "Trained logits go along the NTP-SVM solution of random supports.",
        f"{PAPER}, implicit bias",
        "figures without printed numbers",
        "random-supports",
        "T8: 0.990 at ridge 1e-5, where 1 - cos falls as 1 / ln(1/ridge)²",
        predicates.trained_supports,
    ),
    Claim(
        "N9",
        "Contexts with one support become one direction although their frequencies differ.",
        f"{PAPER}, subspace collapse",
        "figures without printed numbers",
        "collapse",
        "T9: cosines 0.992 and 0.997, scatter 0.0063 and 0.0023 at ridges 1e-4 and 1e-6",
        predicates.collapse,
    ),
    Claim(
        "N10",
        "With fixed contexts descent goes along the Frobenius-norm margin solution, and its part in F to the log-odds.",
        f"{PRIOR}, theorem on gradient descent",
        "proved; experiments in figures",
        "fixed-embeddings",
        "T10: 0.988 at step 10 000 in the card's instance",
        predicates.fixed,
    ),
    Claim(
        "N11",
        "A small Transformer on sixteen contexts does what free vectors do.",
        LOGS,
        "loss 4.6806 at the start, 1.6156 (its entropy) after 27 000 epochs, on 403 contexts of a text (not redone)",
        "transformer",
        "qualitative, as the card has them for this size; untrained states differ by 0.2 within and between",
        predicates.transformer,
    ),
    Claim(
        "N12",
        "On a real text's contexts trained logits go along the NTP-SVM solution too.",
        LOGS,
        "cosine of trained logits with the centred support shown in figures only",
        "text",
        "as T8, at a ridge for which ridge times contexts is the same (1e-5 x 40 = 1e-6 x 400)",
        predicates.text_direction,
    ),
    Claim(
        "N13",
        "On a real text's supports the centred support is nearly the NTP-SVM solution.",
        LOGS,
        "ratio 1.0064, cosine 0.987 on 403 contexts and 104 next tokens of TinyStories",
        "text",
        "as T7",
        predicates.text_proxy,
    ),
    Claim(
        "N14",
        "Contexts of a real text with one support become one direction.",
        f"{PAPER}, subspace collapse",
        "figures without printed numbers",
        "text",
        "0.98 as T9; 0.3 above the mean between supports, as for the Transformer",
        predicates.text_collapse,
    ),
)
