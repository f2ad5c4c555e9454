"""The study's exhibits: similarity beside damage, plans beside controls, and how influence falls with distance."""

from __future__ import annotations

from collections.abc import Sequence

from geomem.errors import RunError
from geomem.runs.exhibits import Curves, Exhibit, Profiles, Reference, Series, Table
from geomem.studies.bands import band
from geomem.studies.depth_profiles import by_layer, panel
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.predicates import MODEL
from geomem.studies.layer_skipping.settings import Settings

PLANS = {"": "the plan", "contiguous_": "neighbouring layers", "random_": "random layers without neighbours"}


def model(evidence: Evidence) -> Sequence[Exhibit]:
    """Everything about a causal model."""
    settings: Settings = evidence.settings
    return [
        *_depth(evidence),
        *_costs(evidence, settings),
        *_influence(evidence, settings),
        *_table(evidence, settings),
    ]


def _depth(evidence: Evidence) -> list[Exhibit]:
    def curves(metric: str, *controls: str) -> list[Series]:
        found = by_layer(evidence, MODEL, metric, "trained")
        for control in controls:
            found += by_layer(evidence, MODEL, metric, control, control=control, dashed=True)
        return found

    level = (Reference(name="threshold", value=evidence.settings.plans.threshold),)
    panels = [
        *panel("Cosine of a layer's input and output", curves("similarity/cosine", "untrained", "shuffled"),
               references=level),
        *panel("Loss ratio without the layer", curves("skips/loss_ratio")),
        *panel("Recency of similarity, raw", curves("recency/raw", "untrained", "shuffled")),
        *panel("Recency of similarity, centred", curves("recency/centred", "untrained", "shuffled")),
    ]  # fmt: skip
    if not panels:
        return []
    caption = (
        "Means over windows and seeds; bands are the range of the seeds. A layer above the threshold may be left out."
    )
    return [Profiles(id="layer-skipping-depth", title="Which layers are like their input, and which are missed",
                     caption=caption, experiment=evidence.directory.name, hero=True, panels=tuple(panels))]  # fmt: skip


def _costs(evidence: Evidence, settings: Settings) -> list[Exhibit]:
    series: list[Series] = []
    for slot, (name, title) in enumerate(PLANS.items()):
        sizes = [size for size in settings.plans.budgets if _known(evidence, f"plan/skip{size}_{name}loss_increase")]
        if not sizes:
            continue
        by_seed = {seed: [_number(evidence, seed, f"plan/skip{size}_{name}loss_increase") for size in sizes]
                   for seed in evidence.seeds(MODEL)}  # fmt: skip
        series.append(band(title, sizes, by_seed, dashed=slot > 0))
    if not series:
        return []
    return [Curves(id="layer-skipping-costs", title="What leaving layers out costs", experiment=evidence.directory.name,
                   series=tuple(series), x_label="layers left out", y_label="nats added to the loss",
                   caption="The same layers are left out for every text; random sets keep the first.")]  # fmt: skip


def _influence(evidence: Evidence, settings: Settings) -> list[Exhibit]:
    lags = settings.recency.lags
    series: list[Series] = []
    for control, title in (("", "trained"), ("untrained", "untrained")):
        try:
            values = {lag: evidence.measured(MODEL, f"influence/lag_{lag}", control=control) for lag in lags}
        except RunError:
            continue
        by_seed = {seed: [values[lag][seed] for lag in lags] for seed in values[lags[0]]}
        series.append(band(title, lags, by_seed, dashed=bool(control)))
    if not series:
        return []
    caption = "One token is resampled, so many places before what is predicted; total variation of the prediction."
    return [Curves(id="layer-skipping-influence", title="How far back a prediction looks", caption=caption,
                   experiment=evidence.directory.name, series=tuple(series), x_label="places back",
                   y_label="change of the prediction", log_x=True)]  # fmt: skip


def _table(evidence: Evidence, settings: Settings) -> list[Exhibit]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for seed in evidence.seeds(MODEL):
        for size in settings.plans.budgets:
            if not _known(evidence, f"plan/skip{size}_loss_increase"):
                continue
            names = ("loss_increase", "retention", "flops_saved", "contiguous_loss_increase", "random_loss_increase")
            values = [_number(evidence, seed, f"plan/skip{size}_{name}") for name in names]
            rows.append((seed, size, *(None if value != value else value for value in values)))  # noqa: PLR0124
    if not rows:
        return []
    columns = (
        "seed",
        "left out",
        "nats added",
        "accuracy kept",
        "share of work saved",
        "neighbours: nats",
        "random: nats",
    )
    return [Table(id="layer-skipping-plans", title="Plans and their controls", experiment=evidence.directory.name,
                  columns=columns, rows=tuple(rows), sortable=True)]  # fmt: skip


def _known(evidence: Evidence, metric: str) -> bool:
    """Return whether every seed has a metric: plans of a size exist where enough layers pass the threshold."""
    try:
        return bool(evidence.measured(MODEL, metric))
    except RunError:
        return False


def _number(evidence: Evidence, seed: int, metric: str) -> float:
    try:
        return evidence.measured(MODEL, metric)[seed]
    except RunError:
        return float("nan")
