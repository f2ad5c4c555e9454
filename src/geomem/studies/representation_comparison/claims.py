"""The claims: how similarities behave on few stimuli and units. What the papers find in brains is not tested here."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.representation_comparison import predicates

PAPER = "arXiv 1911.07986"

CLAIMS = (
    Claim(
        "D-null",
        "Unbiased CKA and RSA of a layer with pure noise are nothing, however few the stimuli and units.",
        f"{PAPER}, robustness to few units; measured by geomem",
        "robust to hundreds of units",
        "digits",
        "three times what a pilot found at its worst",
        predicates.digits_at_zero,
    ),
    Claim(
        "D-biased",
        "Biased CKA of a layer with pure noise grows as the stimuli get fewer.",
        "arXiv 2010.15327, Section 3.2; measured by geomem",
        "biased for few stimuli",
        "digits",
        "monotone, from most stimuli to fewest",
        predicates.biased_grows,
    ),
    Claim(
        "D-svcca",
        "SVCCA of a layer with pure noise is far from nothing at every size, so it says nothing without its null.",
        f"{PAPER}, SVCCA; measured by geomem",
        "robust to hundreds of units",
        "digits",
        "a level that nobody would take for chance",
        predicates.svcca_inflated,
    ),
    Claim(
        "L-null",
        "Unbiased CKA and RSA of a language model's layers with pure noise are nothing, too.",
        f"{PAPER}, translated to language models",
        "not in the paper",
        "language-models",
        "the threshold of D-null",
        predicates.words_at_zero,
    ),
)
