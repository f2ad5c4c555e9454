"""Pictures of where pauses were asked for and what they gave, from evidence alone."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from geomem.errors import RunError
from geomem.runs.exhibits import BarPanel, Bars, BarSeries, Exhibit, Table
from geomem.studies.catch_your_breath.predicates import FORMS
from geomem.studies.catch_your_breath.settings import Settings
from geomem.studies.evidence import Evidence
from geomem.tasks.easy_hard import KINDS


def forms(evidence: Evidence) -> Sequence[Exhibit]:
    """List the errors of the closed forms."""
    rows = tuple(
        (name.upper(), _mean(evidence, FORMS, f"{name}/error"), _mean(evidence, FORMS, f"{name}/one_slot"))
        for name in ("ap", "va", "dp")
    )
    columns = ("loss", "largest error of q", "one slot less cross-entropy")
    return [Table(id="catch-your-breath-forms", title="The closed forms", experiment=FORMS, columns=columns, rows=rows)]


def asked(evidence: Evidence) -> Sequence[Exhibit]:
    """Draw don't-know and slots used by kind of target, and list what every condition came to."""
    name = evidence.directory.name
    found: list[Exhibit] = []
    waiting = [condition for condition in evidence.conditions if _has(evidence, condition, "delay/hard")]
    if waiting:
        panels = [
            BarPanel(
                title=title,
                categories=KINDS,
                series=tuple(
                    BarSeries(name=condition, values=tuple(_mean(evidence, condition, f"{key}/{kind}")
                                                           for kind in KINDS))
                    for condition in waiting
                ),
            )
            for title, key in (("mean d_1, the wish to wait", "delay"), ("slots used", "slots"))
        ]  # fmt: skip
        found += [
            Bars(id=f"catch-your-breath-{name}-{key}", title=panel.title, experiment=name, panels=(panel,))
            for panel, key in zip(panels, ("delay", "slots"), strict=True)
        ]
        found.append(_by_token(evidence, name, waiting))
    columns = ("condition", "loss", *(f"{kind} right" for kind in KINDS), "slots used", "gain where asked",
               "gain where not", "ECE of d_1", "AUROC of d_1")  # fmt: skip
    metrics = ("stop/loss", *(f"stop/{kind}/accuracy" for kind in KINDS), "slots/mean", "gain/asked", "gain/answered",
               "calibration", "auroc")  # fmt: skip
    rows = tuple(
        (condition, *(_mean(evidence, condition, metric) if _has(evidence, condition, metric) else None
                      for metric in metrics))
        for condition in evidence.conditions
    )  # fmt: skip
    return [*found, Table(id=f"catch-your-breath-{name}-table", title="Every condition", experiment=name,
                          columns=columns, rows=rows)]  # fmt: skip


def _by_token(evidence: Evidence, experiment: str, conditions: Sequence[str]) -> Exhibit:
    """Draw the slots used after each token from which a target is predicted."""
    settings: Settings = evidence.settings
    found = {name: [_slots(evidence, name, seed) for seed in evidence.seeds(name)] for name in conditions}
    shared = sorted(set.intersection(*(set(one) for seeds in found.values() for one in seeds)))
    lines: list[BarSeries] = []
    for name, seeds in found.items():
        values = np.array([[one[token] for token in shared] for one in seeds])
        lines.append(BarSeries(name=name, values=tuple(values.mean(0)), low=tuple(values.min(0)),
                               high=tuple(values.max(0))))  # fmt: skip
    panel = BarPanel(
        title="slots used after each token", categories=tuple(settings.tokens().names(shared)), series=tuple(lines)
    )
    return Bars(id=f"catch-your-breath-{experiment}-tokens", title="Where pauses were asked for",
                experiment=experiment, panels=(panel,), y_label="slots",
                caption="c: a cue with a target of its own; k: a key, to be looked up; ~: noise. One slot is no pause. "
                "Mean over seeds, with their range.")  # fmt: skip


def _slots(evidence: Evidence, condition: str, seed: int) -> dict[int, float]:
    kept = evidence.arrays(condition, seed)
    return dict(zip(kept["tokens"].tolist(), kept["slots"].tolist(), strict=True))


def _mean(evidence: Evidence, condition: str, metric: str) -> float:
    return statistics.fmean(evidence.measured(condition, metric).values())


def _has(evidence: Evidence, condition: str, metric: str) -> bool:
    try:
        evidence.measured(condition, metric)
    except RunError:
        return False
    return True
