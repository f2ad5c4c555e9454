"""The claims of arXiv 2603.07475 with the card's thresholds: of a causal model, and of a matched masked one."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.layer_skipping import predicates
from geomem.studies.layer_skipping.predicates import MODEL, PAIR

PAPER = "arXiv 2603.07475"

CLAIMS = (
    Claim(
        "S1",
        "The greedy plan never leaves out two neighbouring layers, and leaves out as many as its rule allows.",
        f"{PAPER}, selection algorithm",
        "the algorithm's definition",
        MODEL,
        "exact: a property of the algorithm, also on random similarities",
        predicates.no_neighbours,
    ),
    Claim(
        "S2",
        "Leaving out layers that are no neighbours keeps at least as much accuracy as leaving out a run of neighbours.",
        f"{PAPER}, consecutive skips",
        "allowing neighbours drops LLaDA's retention from 92 % to 75 % and Dream's from 77 % to 14 %",
        MODEL,
        "in at least 80 % of restarts; a restart plans on half of the windows and scores on the other half",
        predicates.better_than_neighbours,
    ),
    Claim(
        "S3",
        "Inside one model, layers that change the stream least are missed least.",
        f"{PAPER}, adjacent similarity",
        "similarity decides which layers can go",
        MODEL,
        "Spearman of at least 0.7 over the layers",
        predicates.likeness_says_damage,
    ),
    Claim(
        "S4",
        "Without the planned layers a model decodes the same tokens with a cache of keys and values as without one.",
        f"{PAPER}, static skipping; geomem, consistency",
        "the same set in prefill and decoding",
        MODEL,
        "exact: anything else would be a fault of the intervention",
        predicates.cache_agrees,
    ),
    Claim(
        "S5",
        "A causal model has a recency bias: the token just before moves a prediction more than one further back.",
        f"{PAPER}, recency bias",
        "strong in Qwen and Dream, little in LLaDA",
        MODEL,
        "a ratio above 1, and above that of an untrained network of the same shape",
        predicates.recent_tokens_count_more,
    ),
    Claim(
        "S6",
        "A masked-diffusion network, too, keeps at least as much accuracy without layers that are no neighbours as "
        "without a run of neighbours.",
        f"{PAPER}, consecutive skips",
        "allowing neighbours drops LLaDA's retention from 92 % to 75 %",
        PAIR,
        "as S2, once it is matched: cloze accuracy within 10 % of the causal network's, loss below that of frequencies "
        "and of a bag of words",
        predicates.masked_better_than_neighbours,
    ),
    Claim(
        "S7",
        "Inside a masked-diffusion network, too, layers that change the stream least are missed least.",
        f"{PAPER}, adjacent similarity",
        "similarity decides which layers can go",
        PAIR,
        "as S3, once it is matched",
        predicates.masked_likeness_says_damage,
    ),
)
