"""The predicates behind the claims: evidence to tests, with the thresholds of the card."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geomem.errors import RunError
from geomem.studies.claim import Bound, Test
from geomem.studies.depth_profiles import over_depth
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates.work import UNTRAINED, metric

MODEL, MAMBA = "model", "mamba"
PERMUTED, ROTATED, CHANCE = "permuted", "rotated", "chance"
GAP = 0.15
RELATIVE, RELATIVE_MEDIAN, RELATIVE_LOW = 0.4, 0.55, 0.3
ABSOLUTE = 0.65
OFF_CHANCE = 0.02

ALIGN_T, ALIGN_R = metric("align_t"), metric("align_r")
PI_U, PI_R = metric("pi_u"), metric("pi_r")
RHO_RELATIVE, RHO_ABSOLUTE = metric("rho_relative"), metric("rho_absolute")


def alignment(evidence: Evidence, condition: str) -> list[Test]:
    """The update lies closer to its tokenwise part than to the residual, in every block."""
    gap = over_depth(evidence, condition, lambda rows: np.min(rows[0] - rows[1]), ALIGN_T, ALIGN_R)
    null = over_depth(
        evidence, condition, lambda rows: np.max(rows[0] - rows[1]), (ALIGN_T, PERMUTED), (ALIGN_R, PERMUTED)
    )
    return [
        Test(Bound("cosines align_T - align_R, smallest of the blocks", GAP, "at least"), gap),
        Test(Bound("the same with a permuted bank, largest of the blocks", GAP, "below"), null, needed=True),
    ]


def subspace(evidence: Evidence, condition: str) -> list[Test]:
    """The residual has less of its energy in the leading tokenwise directions than the update, in every block."""
    permuted = ((PI_U, PERMUTED), (PI_R, PERMUTED))
    return [
        Test(
            Bound("shares π(u) - π(r), smallest of the blocks", 0, "above"),
            over_depth(evidence, condition, lambda rows: np.min(rows[0] - rows[1]), PI_U, PI_R),
        ),
        Test(
            Bound("the same less that of a permuted bank, smallest of the blocks", 0, "above"),
            over_depth(
                evidence, condition, lambda rows: np.min(rows[0] - rows[1] - rows[2] + rows[3]), PI_U, PI_R, *permuted
            ),
            needed=True,
        ),
        Test(
            Bound("distance of a rotated residual's share from q / d, largest of the blocks", OFF_CHANCE, "at most"),
            over_depth(
                evidence, condition, lambda rows: np.max(np.abs(rows[0] - rows[1])), (PI_R, ROTATED), (PI_R, CHANCE)
            ),
            needed=True,
        ),
    ]


def relative_error(evidence: Evidence, condition: str) -> list[Test]:
    """The relative error ranks how far the prediction moves; the card's falsifiers follow the thresholds."""
    return [
        Test(
            Bound("Spearman(ε, KL), smallest of the blocks", RELATIVE, "at least"),
            over_depth(evidence, condition, np.min, RHO_RELATIVE),
        ),
        Test(
            Bound("the same, median of the blocks", RELATIVE_MEDIAN, "at least"),
            over_depth(evidence, condition, np.median, RHO_RELATIVE),
        ),
        Test(
            Bound(f"share of blocks below {RELATIVE_LOW}", 0.5, "at most"),
            over_depth(evidence, condition, lambda rows: np.mean(rows < RELATIVE_LOW), RHO_RELATIVE),
        ),
        _reached(evidence, condition, RHO_RELATIVE),
    ]


def absolute_error(evidence: Evidence, condition: str) -> list[Test]:
    """The length of the residual ranks how far the prediction moves."""
    return [
        Test(
            Bound("Spearman(|r|, KL), smallest of the blocks", ABSOLUTE, "at least"),
            over_depth(evidence, condition, np.min, RHO_ABSOLUTE),
        ),
        _reached(evidence, condition, RHO_ABSOLUTE),
    ]


def learned(evidence: Evidence, condition: str) -> list[Test]:
    """The rank correlation is higher than in an untrained network of the same shape."""
    return [
        Test(
            Bound(f"Spearman({words}, KL) less that of the untrained network, median of the blocks", 0, "above"),
            over_depth(evidence, condition, lambda rows: np.median(rows[0] - rows[1]), rho, (rho, UNTRAINED)),
        )
        for words, rho in (("ε", RHO_RELATIVE), ("|r|", RHO_ABSOLUTE))
    ]


def judged(judge: Callable[[Evidence, str], list[Test]], condition: str, evidence: Evidence) -> list[Test]:
    """Judge one architecture. Raises RunError when a user's model left no state-space model to judge."""
    if condition == MAMBA and not evidence.cells and evidence.settings.model is not None:
        raise RunError("the state-space model stands beside the small language model only; leave out --set model")
    return judge(evidence, condition)


def _reached(evidence: Evidence, condition: str, rho: str) -> Test:
    """The falsifier: a map fitted to updates dealt to other tokens must not do as well in most blocks."""
    bound = Bound("share of blocks in which a permuted bank does as well", 0.5, "at most")
    values = over_depth(evidence, condition, lambda rows: float(np.mean(rows[1] >= rows[0])), rho, (rho, PERMUTED))
    return Test(bound, values)
