"""The skip plan: which blocks are left out, and what that costs beside the controls."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from geomem.probing.findings import Probed
from geomem.runs.exhibits import BarPanel, Bars, BarSeries, Cell, ExhibitBase, Table

_PLAN = re.compile(r"plan/skip(\d+)_loss_increase")
CONTROLS = {"": "the plan", "contiguous_": "neighbouring blocks", "random_": "random blocks"}


def plan_pictures(models: Sequence[Probed]) -> list[ExhibitBase]:
    """Return the price of every plan beside its controls as bars, and the plans as a table; [] where none was run."""
    panels: list[BarPanel] = []
    body: list[tuple[Cell, ...]] = []
    for model in models:
        counts = plans_of(model)
        if not counts:
            continue
        series = [one for name, title in CONTROLS.items() if (one := _bars(model, counts, name, title)) is not None]
        panels.append(BarPanel(title=model.measured.model, categories=tuple(f"{count} left out" for count in counts),
                               series=tuple(series)))  # fmt: skip
        for count in counts:
            chosen = [layer for layer, taken in model.values(f"plan/skip{count}_chosen").items() if taken]
            numbers = [_known(model.one(f"plan/skip{count}_{name}"))
                       for name in ("loss_increase", "retention", "flops_saved", "contiguous_loss_increase",
                                    "random_loss_increase", "random_share")]  # fmt: skip
            body.append((model.measured.model, ", ".join(map(str, chosen)), *numbers))
    if not panels:
        return []
    return [
        Bars(id="skip-plan", title="What the skip plan costs", experiment="plan", order=80, panels=tuple(panels),
             y_label="nats added to the loss",
             caption="Blocks whose input and output are most alike are left out, no two of them neighbours; beside it "
                     "as "
             "many neighbouring blocks, and random blocks without neighbours. Bars: 95 % over windows."),
        Table(id="skip-plan-table", title="Skip plans", experiment="plan", order=81,
              columns=("model", "blocks left out", "nats added", "accuracy kept", "share of work saved",
                       "neighbouring blocks: nats", "random blocks: nats", "random sets no better"), rows=tuple(body)),
    ]  # fmt: skip


def plans_of(model: Probed) -> list[int]:
    """Return how many blocks the plans that were run leave out, ascending."""
    found = (_PLAN.fullmatch(row.metric) for row in model.measured.rows if row.condition == "")
    return sorted({int(match[1]) for match in found if match})


def _bars(model: Probed, counts: Sequence[int], name: str, title: str) -> BarSeries | None:
    rows = [model.measured.number(f"plan/skip{count}_{name}loss_increase") for count in counts]
    known = [row for row in rows if row is not None]
    if len(known) < len(counts):
        return None
    banded = all(row.low is not None and row.high is not None and math.isfinite(row.low + row.high) for row in known)
    return BarSeries(
        name=title, values=tuple(row.value for row in known),
        low=tuple(row.low or 0.0 for row in known) if banded else None,
        high=tuple(row.high or 0.0 for row in known) if banded else None,
    )  # fmt: skip


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
