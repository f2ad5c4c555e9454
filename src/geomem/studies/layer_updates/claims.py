"""The claims of arXiv 2604.02459, with the thresholds of the card, on two architectures; U5 is geomem's own control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from geomem.studies.claim import Claim, Test
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates import predicates
from geomem.studies.layer_updates.predicates import MAMBA, MODEL

PAPER = "arXiv 2604.02459"
SMALL = "the smallest values of a Transformer of this size in a pilot, rounded down"
RANKS = "Spearman usually above 0.7, up to 0.95 in larger models"


@dataclass(frozen=True)
class _Statement:
    """A claim before it is made of an architecture. place: where the paper says it; "" for our own."""

    id: str
    words: str
    place: str
    reported: str
    why: str
    judge: Callable[[Evidence, str], list[Test]]


_STATEMENTS = (
    _Statement(
        "U1",
        "In every block the update lies much closer to its tokenwise part than to the residual.",
        "alignment",
        "full update almost parallel to the tokenwise one",
        f"{SMALL}. It restates R² above one half, since a least-squares residual is orthogonal to the fit",
        predicates.alignment,
    ),
    _Statement(
        "U2",
        "In every block the residual has less of its energy in the leading tokenwise directions than the update has.",
        "subspaces",
        "much less energy in the dominant tokenwise subspace",
        "any difference; a permuted bank must leave a smaller one, and residuals turned at random must sit at q / d",
        predicates.subspace,
    ),
    _Statement(
        "U3",
        "The relative error of the tokenwise map ranks how far predictions move when the block is replaced by it.",
        "functional test",
        RANKS,
        f"{SMALL}; false when most blocks are below 0.3, or when a permuted bank does as well",
        predicates.relative_error,
    ),
    _Statement(
        "U4",
        "The length of the residual ranks how far predictions move when the block is replaced by the map.",
        "functional test",
        RANKS,
        f"{SMALL}; false when a permuted bank does as well",
        predicates.absolute_error,
    ),
    _Statement(
        "U5",
        "That errors rank effects is a work of training: an untrained network of the same shape does worse.",
        "",
        "not in the paper",
        "any difference; a ranking that a random network has too says nothing of what was learned",
        predicates.learned,
    ),
)


def _claim(said: _Statement, condition: str) -> Claim:
    mamba = condition == MAMBA
    return Claim(
        id=f"{said.id}-mamba" if mamba else said.id,
        statement=f"The same in a state-space model. {said.words}" if mamba else said.words,
        source=f"{PAPER}, {'Mamba, ' if mamba else ''}{said.place}" if said.place else "geomem, null control",
        reported="the same picture in Mamba as in Transformers" if mamba and said.place else said.reported,
        experiment=condition,
        why=said.why,
        judge=partial(predicates.judged, said.judge, condition),
    )


CLAIMS = tuple(_claim(said, condition) for condition in (MODEL, MAMBA) for said in _STATEMENTS)
