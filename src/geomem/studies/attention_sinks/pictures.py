"""The study's exhibits: what the detector finds of what was planted, and a model's sinks by depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from geomem.errors import RunError
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Curves,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.attention_sinks.checkpoint import COSINE, MASSIVE, RANK, WITH_SINKS
from geomem.studies.attention_sinks.planted import KAPPAS
from geomem.studies.attention_sinks.predicates import MODEL, NETWORK, by_size
from geomem.studies.bands import band
from geomem.studies.depth_profiles import by_layer, panel
from geomem.studies.evidence import Evidence

PLACES = 24
"""First places of a window on the map."""


def planted_streams(evidence: Evidence) -> Sequence[Exhibit]:
    """Lifetime of the planted tokens against their size."""
    found = by_size(evidence, "planted/lifetime")
    lines = {seed: [found[kappa][seed] for kappa in KAPPAS] for seed in found[KAPPAS[0]]}
    return [
        Curves(
            id="planted-streams",
            title="Planted sinks: for how many layers they are flagged",
            caption="Two of 200 tokens get kappa times the direction of the sink at position 0, in four of twelve "
            "layers of noise. Band: range over seeds.",
            experiment=evidence.directory.name,
            series=(band("planted tokens", KAPPAS, lines),),
            references=(Reference(name="layers planted in", value=4),),
            x_label="size of the planted vector, kappa",
            y_label="lifetime (layers)",
        )
    ]


def planted_network(evidence: Evidence) -> Sequence[Exhibit]:
    """Lifetime and sink score in the planted network."""
    seeds = evidence.seeds(NETWORK)
    columns = {
        name: {seed: evidence.series(NETWORK, seed, f"network/{name}")[1] for seed in seeds}
        for name in ("size", "lifetime", "score")
    }
    x = np.mean([columns["size"][seed] for seed in seeds], axis=0).tolist()
    without = np.mean(list(evidence.measured(NETWORK, "network/score_without").values()))
    level = Reference(name="without it", value=float(without))
    return [
        Profiles(
            id="planted-network",
            title="A sink planted in a network with random weights",
            caption="One MLP writes a vector at some tokens, and the MLP four blocks later takes it away. Band: range "
            "over seeds.",
            experiment=evidence.directory.name,
            panels=(
                ProfilePanel(title="Lifetime (layers)", series=(band("planted tokens", x, columns["lifetime"]),)),
                ProfilePanel(
                    title="Sink score", series=(band("planted tokens", x, columns["score"]),), references=(level,)
                ),
            ),
            x_label="size of the vector / norm of the stream",
        )
    ]


def checkpoint(evidence: Evidence) -> Sequence[Exhibit]:
    """Everything about the model: depth profiles, first places, and its secondary sinks where it has some."""
    return [
        _depth(evidence),
        _places(evidence),
        *_scores(evidence),
        *_levels(evidence),
        *_pathway(evidence),
        *_causal(evidence),
    ]


def _depth(evidence: Evidence) -> Exhibit:
    gates = (Reference(name="gate", value=0.3),), (Reference(name="gate", value=MASSIVE),)
    sinks = [
        one
        for title, metric, references, log in (
            ("Attention to the first token", "sinks/first_token", gates[0], False),
            ("Norm of the first token / median", "sinks/norm_ratio", gates[1], True),
        )
        for one in panel(
            title,
            by_layer(evidence, MODEL, metric, "trained"),
            by_layer(evidence, MODEL, metric, "untrained", control="untrained", dashed=True),
            references=references,
            log_y=log,
        )
    ]
    masks = [
        one
        for title, metric in (("Effective rank (RankMe)", RANK), ("Average cosine of two tokens", COSINE))
        for one in panel(
            title,
            by_layer(evidence, MODEL, metric, "sinks left out"),
            by_layer(evidence, MODEL, metric, "sinks kept", control=WITH_SINKS),
        )
    ]
    return Profiles(
        id="sinks-by-depth",
        title="The first token by depth, and what it does to measurements",
        caption="After every block (0 is the first). Band: range over seeds. Dashed levels: the gates for models of "
        "124 million weights and more.",
        experiment=evidence.directory.name,
        hero=True,
        panels=(*sinks, *masks),
        x_label="block",
    )


def _places(evidence: Evidence) -> Exhibit:
    seed = evidence.seeds(MODEL)[0]
    places = evidence.arrays(MODEL, seed)["places"][:, :PLACES]
    return Heatmap(
        id="sinks-places",
        title="How long the first tokens are",
        caption="Norm over the median of the window, mean over windows, as a power of ten. Rows: blocks; columns: "
        "places in the window.",
        experiment=evidence.directory.name,
        order=1,
        panels=(HeatmapPanel(title="log₁₀ norm / median", matrix=np.log10(np.maximum(places, 1e-3)).tolist()),),
        row_names=tuple(map(str, range(places.shape[0]))),
        col_names=tuple(map(str, range(places.shape[1]))),
        x_label="place in the window",
        y_label="block",
        value_label="log₁₀ ratio",
        diverging=True,
    )


def _scores(evidence: Evidence) -> list[Exhibit]:
    names = {"primary": "first token", "": "secondary sinks", "others": "same tokens, no sinks", "chance": "uniform"}
    lines = {
        control: by_layer(evidence, MODEL, "sinks/score", name, control=control, dashed=control == "chance")
        for control, name in names.items()
    }
    if not lines[""]:
        return []
    return [
        Curves(
            id="sinks-score",
            title="Attention drawn by primary and secondary sinks",
            caption="Sink score: attention of later queries, mean over heads, queries and tokens of a kind.",
            experiment=evidence.directory.name,
            order=2,
            series=tuple(one for some in lines.values() for one in some),
            x_label="block",
            y_label="sink score",
        )
    ]


def _levels(evidence: Evidence) -> list[Exhibit]:
    counts: Counter[tuple[int, int]] = Counter()
    for row in evidence.rows(""):
        if row.metric.startswith("attention/level_") and row.condition == MODEL:
            creation, lifetime = map(int, row.metric.split("_")[1:])
            counts[creation, lifetime] += int(row.value)
    if not counts:
        return []
    return [
        Table(
            id="sinks-levels",
            title="Levels of secondary sinks",
            caption="The paper finds few distinct pairs in large models.",
            experiment=evidence.directory.name,
            order=3,
            columns=("creation layer", "lifetime (layers)", "tokens"),
            rows=tuple((creation, lifetime, count) for (creation, lifetime), count in counts.most_common(20)),
        )
    ]


def _pathway(evidence: Evidence) -> list[Exhibit]:
    seed = evidence.seeds(MODEL)[0]
    found: dict[str, dict[str, float]] = {}
    rows = [row for row in _rows(evidence, seed, "pathway/") if row.step is not None]
    for row in sorted(rows, key=lambda row: row.step):
        found.setdefault(row.condition, {})[row.metric.partition("/")[2]] = row.value
    if MODEL not in found:
        return []
    steps = tuple(found[MODEL])
    series = tuple(
        BarSeries(name=name, values=tuple(found[condition][step] for step in steps))
        for condition, name in ((MODEL, "secondary sinks"), (f"{MODEL}/others", "same tokens, no sinks"))
        if condition in found
    )
    return [
        Bars(
            id="sinks-pathway",
            title="Where in the MLP a secondary sink takes the first token's direction",
            caption="Cosine with the first token at every step of the MLP that creates it.",
            experiment=evidence.directory.name,
            order=4,
            panels=(BarPanel(title="creating block", categories=steps, series=series),),
            y_label="cosine with the first token",
        )
    ]


def _causal(evidence: Evidence) -> list[Exhibit]:
    seed = evidence.seeds(MODEL)[0]
    try:
        x = evidence.series(MODEL, seed, "causal/multiple")[1]
        columns = {"Lifetime (layers)": "causal/lifetime", "Sink score": "causal/score"}
        panels = [
            ProfilePanel(
                title=title,
                series=(Series(name="aligned tokens", x=x, y=evidence.series(MODEL, seed, metric)[1]),),  # pyright: ignore[reportArgumentType]
            )
            for title, metric in columns.items()
        ]
    except RunError:
        return []
    return [
        Profiles(
            id="sinks-causal",
            title="The causal test: the same tokens with a shorter or longer MLP output",
            caption="The creating MLP's output gets another norm at tokens where it points along the first token's.",
            experiment=evidence.directory.name,
            order=5,
            panels=tuple(panels),
            x_label="norm / its own",
        )
    ]


def _rows(evidence: Evidence, seed: int, family: str) -> list[Any]:
    return [row for row in evidence.rows("") if row.metric.startswith(family) and row.seed == seed]
