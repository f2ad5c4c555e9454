"""The study put together: its experiments, claims, scales and the sentence on its first screen."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from geomem.errors import RunError
from geomem.studies.evidence import Evidence
from geomem.studies.objectives_and_geometry.cells import (
    EDGES,
    FAMILY_OBJECTIVES,
    FROZEN_OBJECTIVES,
    PATH_OBJECTIVES,
    creativity_of,
    family_cells,
    path_cells,
)
from geomem.studies.objectives_and_geometry.claims import CLAIMS, FAMILIES, PATHS
from geomem.studies.objectives_and_geometry.pictures import creativity_and_separation
from geomem.studies.objectives_and_geometry.predicates import EXACT, FORCED, GAP, RETRIEVAL
from geomem.studies.objectives_and_geometry.settings import LAPTOP, PAPER, SMOKE
from geomem.studies.seed_pictures import final_bars, over_time, together
from geomem.studies.study import Experiment, ScaleName, Study

THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}
SHOWN = {name: name for name in PATH_OBJECTIVES}
TAUGHT = (*PATH_OBJECTIVES, EDGES)


def _star_chance(evidence: Evidence) -> float:
    return 1 / evidence.settings.path_star.arms


def finding(evidence: dict[str, Evidence]) -> str:
    """Return the first screen's sentences, from what was measured alone; "" lets the report compose one."""
    said = [
        _extremes(evidence, PATHS, PATH_OBJECTIVES, _retrieval,
                  "Of the objectives for paths, {most} places most held-out leaves beside their first hop "
                  "({high:.0%}), {least} the fewest ({low:.0%}).",
                  "Under every objective for paths, {value:.0%} of the held-out leaves lie beside their first hop."),
        _extremes(evidence, FAMILIES, FAMILY_OBJECTIVES, creativity_of,
                  "In sibling discovery {most} is the most creative ({high:.0%}), {least} the least ({low:.0%}).",
                  "In sibling discovery all objectives are as creative as each other ({value:.0%})."),
    ]  # fmt: skip
    return " ".join(filter(None, said))


def _retrieval(_condition: str) -> str:
    return RETRIEVAL


def _extremes(
    evidence: dict[str, Evidence],
    name: str,
    conditions: tuple[str, ...],
    metric: Callable[[str], str],
    say: str,
    alike: str,
) -> str:
    """Return a sentence on the conditions with the highest and lowest mean, or that all are alike; "" for one alone."""
    if name not in evidence:
        return ""
    values: dict[str, float] = {}
    for one in conditions:
        try:
            values[one] = statistics.fmean(evidence[name].measured(one, metric(one)).values())
        except RunError:
            continue
    if len(values) < 2:
        return ""
    most, least = max(values, key=lambda one: values[one]), min(values, key=lambda one: values[one])
    if f"{values[most]:.0%}" == f"{values[least]:.0%}":
        return alike.format(value=values[most])
    return say.format(most=most, least=least, high=values[most], low=values[least])


CITATION = """@software{geomem,
  title  = {geomem: the geometry of memory in sequence models},
  author = {{The geomem founders}},
  year   = {2026},
  note   = {study objectives-and-geometry}
}"""

STUDY = Study(
    name="objectives-and-geometry",
    title="Which objectives make memory geometric",
    paper="geomem's own; on the tasks of arXiv 2510.26745 and 2504.15266",
    citation=CITATION,
    summary="Every objective on the same two tasks: paths through a graph that lies in the weights, and families that "
    "are learned from triples. Some may draw together what belongs together and was never seen together, some not.",
    scales={"smoke": SMOKE, "laptop": LAPTOP, "paper": PAPER},
    experiments=(
        Experiment(
            PATHS,
            "paths in the weights",
            "Edges alone, then edges and the paths of three quarters of the leaves, under every objective.",
            path_cells,
            together(
                over_time("paths-retrieval", "Does a leaf lie beside its own first hop?",
                          "Share of held-out leaves whose nearest first hop, by cosine of embeddings, is their own. "
                          "Band: range over seeds.",
                          RETRIEVAL, SHOWN, label="held-out leaves retrieved", chance=_star_chance),
                final_bars("paths-fiedler", "How much of the memory lies on the graph's smooth directions",
                           "Fiedler energy of the embeddings at the end. Bars: mean, with the range over seeds.",
                           "eigen-energy/fiedler", TAUGHT, label="Fiedler energy", order=1),
                final_bars("paths-zigzag", "How much lies on alternating directions",
                           "Zig-zag energy: neighbours of opposite sign, the mark of a look-up layer in between.",
                           "eigen-energy/zigzag", TAUGHT, label="zig-zag energy", order=2),
                final_bars("paths-exact", "Whole held-out paths",
                           "Each model is asked in the way it was trained: from the root, from the leaf, in one pass, "
                           "by filling in masks. The first-token control was never taught to say a whole path.",
                           EXACT, PATH_OBJECTIVES, label="held-out paths right", percent=True, chance=_star_chance,
                           order=3),
                final_bars("paths-frozen", "The same first hop, tables trained and frozen",
                           "First hop of held-out leaves given the token before it. A frozen table is a look-up.",
                           FORCED, [name for one in FROZEN_OBJECTIVES for name in (one, f"frozen-{one}")],
                           label="held-out first hops right", percent=True, chance=_star_chance, order=4),
            ),
            THREE,
            headline=True,
        ),
        Experiment(
            FAMILIES,
            "families in the weights",
            "Two children of one parent, then the parent; the families are told by such triples alone.",
            family_cells,
            together(
                creativity_and_separation,
                final_bars("families-gap", "How far apart families lie",
                           "Mean cosine of embeddings within a family minus between families.",
                           GAP, FAMILY_OBJECTIVES, label="cosine within − between", order=2),
            ),
            THREE,
            headline=True,
        ),
    ),
    claims=CLAIMS,
    finding=finding,
)  # fmt: skip
