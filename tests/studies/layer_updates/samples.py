"""Evidence as a run would have left it, with the card's reference values of a pilot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geomem.studies.layer_updates.predicates import CHANCE, PERMUTED, ROTATED
from geomem.studies.layer_updates.settings import LAPTOP
from geomem.studies.layer_updates.work import UNTRAINED, metric
from tests.studies.written import Written, row

PILOT = {
    "align_t": (0.93, 0.94, 0.80, 0.84, 0.81, 0.82),
    "align_r": (0.38, 0.44, 0.55, 0.55, 0.57, 0.53),
    "error": (0.34, 0.31, 0.54, 0.53, 0.57, 0.58),
    "pi_u": (0.93, 0.90, 0.89, 0.88, 0.92, 0.88),
    "pi_r": (0.84, 0.68, 0.84, 0.78, 0.87, 0.78),
    "rho_relative": (0.68, 0.82, 0.77, 0.74, 0.54, 0.53),
    "rho_absolute": (0.72, 0.77, 0.84, 0.80, 0.81, 0.82),
    "r2": (0.85, 0.87, 0.62, 0.66, 0.63, 0.66),
}
NULLS = {
    (PERMUTED, "align_t"): 0.2,
    (PERMUTED, "align_r"): 0.9,
    (PERMUTED, "pi_u"): 0.80,
    (PERMUTED, "pi_r"): 0.79,
    (PERMUTED, "rho_relative"): 0.2,
    (PERMUTED, "rho_absolute"): 0.4,
    (ROTATED, "pi_r"): 0.167,
    (CHANCE, "pi_r"): 1 / 6,
    (UNTRAINED, "rho_relative"): 0.3,
    (UNTRAINED, "rho_absolute"): 0.3,
}


def measured(
    condition: str = "model", *, seeds: int = 2, nulls: dict[tuple[str, str], float] | None = None,
    settings: Any = LAPTOP, **changed: Sequence[float],
) -> Written:  # fmt: skip
    """The pilot's values, but for `changed` (values by layer) and `nulls` ((control, name) -> value)."""
    rows = [
        row(metric(name), value, layer=layer)
        for name, values in {**PILOT, **changed}.items()
        for layer, value in enumerate(values)
    ]
    rows += [
        row(metric(name), value, layer=layer, condition=control)
        for (control, name), value in {**NULLS, **(nulls or {})}.items()
        for layer in range(6)
    ]
    return Written(condition, {(condition, seed): rows for seed in range(seeds)}, settings)
