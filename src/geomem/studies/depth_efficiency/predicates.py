"""The predicates behind the claims: evidence to tests, with the thresholds of the card."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from geomem.errors import RunError
from geomem.geometry.depth import half_ratio
from geomem.studies.claim import Bound, Test
from geomem.studies.depth_efficiency.model import UNTRAINED
from geomem.studies.depth_profiles import over_depth
from geomem.studies.evidence import Evidence

MODEL = "model"
RATIO, UPDATE_COSINE = "updates/update_ratio", "updates/update_cosine"
KL, OVERLAP = "lens/kl", "lens/overlap"
FUTURE = "skips/future_mean"
BEST, MONOTONE = "map/best_source", "map/monotone"
FALLS, STANDS = 0.6, 0.75
LENS_TREND, LENS_HEIGHT = -0.9, 0.3

Rows = NDArray[Any]


def updates_fall(evidence: Evidence) -> list[Test]:
    """Blocks of the second half write much less than those of the first, and in an untrained network they do not."""
    words = "relative update, second half / first half without block 0"
    return [
        Test(Bound(words, FALLS, "at most"), over_depth(evidence, MODEL, ratio_of_halves, RATIO)),
        Test(
            Bound("the same, untrained", STANDS, "at least"),
            over_depth(evidence, MODEL, ratio_of_halves, (RATIO, UNTRAINED)),
            needed=True,
        ),
    ]


def lens_converges(evidence: Evidence) -> list[Test]:
    """The logit lens comes closer to the end with depth, from a height that an untrained network does not have."""
    return [
        Test(
            Bound("Spearman(depth, KL of the lens), inputs of the blocks", LENS_TREND, "at most"),
            over_depth(evidence, MODEL, trend, KL),
        ),
        Test(
            Bound("KL of the lens at the input of the second block (nats)", LENS_HEIGHT, "at least"),
            evidence.measured(MODEL, KL, 1),
        ),
    ]


def future_falls(evidence: Evidence) -> list[Test]:
    """Skipping a block of the second half changes less of the work of later blocks on later tokens."""
    return [
        Test(
            Bound("future effect of a skip, second half / first half", FALLS, "at most"),
            over_depth(evidence, MODEL, ratio_of_future, FUTURE),
        )
    ]


def future_falls_without_first(evidence: Evidence) -> list[Test]:
    """The same when the first block, which turns tokens into features, is left out."""
    return [
        Test(
            Bound("future effect of a skip, second half / first half without block 0", FALLS, "at most"),
            over_depth(evidence, MODEL, ratio_without_first, FUTURE),
        )
    ]


def maps_follow_depth(evidence: Evidence) -> list[Test]:
    """The best source of a stream never moves back as the target gets deeper. Raises RunError without a sibling."""
    if not evidence.cells and evidence.settings.model is not None:
        raise RunError(
            "a user's model has no shallower sibling; name one that reads the same tokens with --set source=PATH"
        )
    return [
        Test(
            Bound("share of steps up the target's depth at which the best source does not move back", 1, "at least"),
            evidence.measured(MODEL, MONOTONE),
        ),
        Test(
            Bound("streams between the best sources of the first and of the last target", 1, "at least"),
            over_depth(evidence, MODEL, lambda rows: rows[0, -1] - rows[0, 0], BEST),
            needed=True,
        ),
    ]


def ratio_of_halves(rows: Rows) -> float:
    """Return mean of the second half / mean of the first without block 0; NaN for fewer than three blocks."""
    return half_ratio(torch.from_numpy(rows[0])) if rows.shape[1] >= 3 else float("nan")


def ratio_of_future(rows: Rows) -> float:
    """Return the same of all blocks that have later ones: the last has no future effect by construction.

    rows: (1, L - 1), blocks 0..L-2; the second half starts at block ceil(L / 2). NaN when it has no other block.
    """
    return _ratio(rows[0], start=0)


def ratio_without_first(rows: Rows) -> float:
    """Return `ratio_of_future` without block 0."""
    return _ratio(rows[0], start=1)


def trend(rows: Rows) -> float:
    """Return Spearman's correlation of depth and values at the inputs of the blocks; the last stream is left out."""
    values = rows[0][:-1]
    return float(spearmanr(np.arange(len(values)), values).statistic)


def _ratio(values: Rows, start: int) -> float:
    middle = (len(values) + 2) // 2
    first, second = values[start:middle], values[middle:]
    return float(second.mean() / first.mean()) if len(first) and len(second) else float("nan")
