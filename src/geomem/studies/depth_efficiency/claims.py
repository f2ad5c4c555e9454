"""The claims of arXiv 2505.13898 that fit a small language model, with the thresholds of the card."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.depth_efficiency import predicates

PAPER = "arXiv 2505.13898"

CLAIMS = (
    Claim(
        "D1",
        "Blocks of the second half write much less, for the size of the stream, than those of the first.",
        f"{PAPER}, norm battery",
        "above 0.15 in the first half of Llama-3.1-70B, below 0.05 in the second",
        "battery",
        "twice the 0.29 of a pilot of this size; an untrained network has 0.87. Block 0 reads bare embeddings, so its "
        "update is large for a trivial reason",
        predicates.updates_fall,
    ),
    Claim(
        "D2",
        "The logit lens comes closer to the final prediction with depth.",
        f"{PAPER}, logit lens",
        "the divergence starts to fall around mid-depth",
        "battery",
        "an untrained network falls as evenly, from 0.01 nats; so the height is asked for too, half of a pilot's 0.77",
        predicates.lens_converges,
    ),
    Claim(
        "D3",
        "Skipping a block of the second half changes much less of later blocks' work on later tokens.",
        f"{PAPER}, skip effects",
        "second-half skips barely matter to later tokens",
        "skips",
        "the bound of D1; the last block has no later one and is left out",
        predicates.future_falls,
    ),
    Claim(
        "D3-without-first",
        "So it is when the first block is left aside.",
        "geomem, after the norm battery's own exception",
        "not in the paper, whose models have tens of blocks",
        "skips",
        "the bound of D1. The first of three blocks can make the whole difference",
        predicates.future_falls_without_first,
    ),
    Claim(
        "D4",
        "Linear maps from a shallower model reach the depths of the deeper one in order.",
        f"{PAPER}, linear maps between models",
        "best on the diagonal of relative depth, 28 to 48 layers",
        "maps",
        "in order: the best source never moves back as the target gets deeper. One that never moves at all (an "
        "untrained target) is in order too and leaves the claim open",
        predicates.maps_follow_depth,
    ),
)
