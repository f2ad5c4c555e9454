"""What geomem expects of the objectives, written down before the study was run, and why."""

from __future__ import annotations

from geomem.studies.claim import Claim
from geomem.studies.objectives_and_geometry import predicates

OWN = "geomem; written before the first run"
PATHS, FAMILIES = "paths", "families"

CLAIMS = (
    Claim(
        "O1",
        "Whatever the objective that teaches paths, the memory of the edges is a map.",
        OWN,
        "arXiv 2510.26745 shows it for next-token prediction",
        PATHS,
        "the yardstick of geometric-memory: twice the Fiedler energy of random vectors, for each objective; the edges "
        "are learned alike by all, and paths are a quarter of the loss",
        predicates.maps,
    ),
    Claim(
        "O2",
        "The objective that asks for the first hop alone places held-out leaves beside it more often than next-token "
        "prediction of the whole path.",
        OWN,
        "not in a paper; arXiv 2403.06963 says that later tokens of a path teach nothing about the first hop",
        PATHS,
        "above 0 in every seed: under next-token prediction only one token of a path asks for the leap",
        predicates.FIRST_BEATS_NEXT,
    ),
    Claim(
        "O3",
        "The reversed path, which is a walk along edges, places held-out leaves beside their first hop less often than "
        "the first hop alone does.",
        OWN,
        "not in a paper",
        PATHS,
        "above 0 in every seed: each token of the reversed path is a neighbour of the one before, so nothing asks for "
        "a distance of several hops",
        predicates.FIRST_BEATS_REVERSED,
    ),
    Claim(
        "O4",
        "No objective finds held-out paths in a look-up memory.",
        OWN,
        "arXiv 2510.26745, App. E.1, for next-token prediction",
        PATHS,
        "frozen token tables: at chance on held-out leaves, while training leaves are answered (nine tenths)",
        predicates.frozen,
    ),
    Claim(
        "O5",
        "Held-out paths can be said in one pass, by a model trained without a teacher.",
        OWN,
        "not in a paper for paths in the weights",
        PATHS,
        "far above chance: ten times 1/d",
        predicates.one_pass,
    ),
    Claim(
        "O6",
        "Random seeds before the prompt leave the geometry as it is.",
        OWN,
        "not in a paper",
        PATHS,
        "a tenth of the held-out leaves either way, which is less than the seeds of a training differ by elsewhere in "
        "geometric-memory",
        predicates.seeds_change_little,
    ),
    Claim(
        "O7",
        "Half the loss without a teacher draws families together more than next-token prediction does.",
        OWN,
        "arXiv 2504.15266 argues that next-token prediction learns which child follows which",
        FAMILIES,
        "above 0 in every seed, at equal passes and both with seeds",
        predicates.HYBRID_APART,
    ),
    Claim(
        "O8",
        "Told the parent before its children, a model is more creative than told it last.",
        OWN,
        "arXiv 2504.15266: planning the parent first needs fewer examples",
        FAMILIES,
        "half as much again, the factor that the card of that paper asks of the hybrid",
        predicates.parent_first,
    ),
    Claim(
        "O9",
        "The objective that leads to more creative outputs is the one that draws families together.",
        OWN,
        "not in a paper",
        FAMILIES,
        "a rank correlation of 0.6 over six objectives, which chance reaches about once in seven times",
        predicates.creative_is_geometric,
    ),
)
