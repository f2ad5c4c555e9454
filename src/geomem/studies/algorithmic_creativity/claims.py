"""The claims of arXiv 2504.15266 that are judged, with the reasons for their thresholds."""

from __future__ import annotations

from geomem.studies.algorithmic_creativity import predicates
from geomem.studies.algorithmic_creativity.predicates import LENGTHS, SIBLINGS
from geomem.studies.claim import Claim

PAPER = "arXiv 2504.15266"
PILOT = "fixed before the run from a pilot of one seed at this size"

CLAIMS = (
    Claim(
        "K1",
        "Trained to predict several tokens at once, a network finds more new siblings than by next tokens alone.",
        f"{PAPER}, section 4",
        "up to about 5 times the creativity for a pretrained model of two billion weights; little for small ones",
        SIBLINGS,
        f"1.5 times, both with seeds and greedy, at equal passes late in training; {PILOT} (.29 against .13)",
        predicates.hybrid_is_more_creative,
    ),
    Claim(
        "K2",
        "It memorises less.",
        f"{PAPER}, section 4",
        "read off plots, for several tasks",
        SIBLINGS,
        f".15 less of the outputs are from the training set; {PILOT} (.52 against .79)",
        predicates.hybrid_memorises_less,
    ),
    Claim(
        "K3",
        "A random seed before the prompt makes greedy decoding creative, and late in training more so than sampling "
        "without one.",
        f"{PAPER}, section 5",
        "seeds do as well as temperature, sometimes better, even with greedy decoding",
        SIBLINGS,
        f".08, where one string has .001, and twice the creativity at temperature 1 without seeds; {PILOT} (.13 "
        "against .09 and .04). Only at matched, late training: early, sampling without seeds is ahead",
        predicates.seeds_make_greedy_creative,
    ),
    Claim(
        "K4",
        "Next-token training without seeds grows creative and then memorises: creativity falls as coherence rises.",
        f"{PAPER}, section 4; the course over training is ours",
        "next-token training memorises more",
        SIBLINGS,
        f"the last value at most 40 % of the peak; {PILOT} (.49, then .04)",
        predicates.sampling_rises_and_falls,
    ),
    Claim(
        "K5",
        "Longer seeds do not make greedy decoding less creative.",
        f"{PAPER}, section 5",
        "longer seeds help monotonically",
        LENGTHS,
        "creativity falls by no more than .03 from one length to the next, about two standard errors of the difference "
        "between shares near .1 among a thousand outputs; every seed by itself",
        predicates.longer_seeds_do_not_hurt,
    ),
)
