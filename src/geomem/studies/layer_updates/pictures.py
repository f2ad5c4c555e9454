"""The study's exhibits: the decomposition by depth with its null controls, and what error means for predictions."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from geomem.errors import RunError
from geomem.runs.exhibits import Curves, Exhibit, Profiles, Reference, Series, Table
from geomem.studies.bands import band
from geomem.studies.depth_profiles import by_layer, panel
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates.predicates import ABSOLUTE, CHANCE, MAMBA, MODEL, PERMUTED, RELATIVE, ROTATED
from geomem.studies.layer_updates.work import BINS, GLOBAL, HEADLINE, MAIN, OTHER_IDS, UNTRAINED, metric

CLASSES = {
    MAIN: "neighbours",
    OTHER_IDS: "neighbours, other token ids",
    GLOBAL: "affine",
    "diag": "diagonal",
    "orth": "rotation",
    "mlp": "shallow MLP",
}
"""What classes of maps are called in legends; others by their own name."""
COLUMNS = {
    "align_t": "align_T",
    "align_r": "align_R",
    "r2": "R²",
    "error": "mean ε",
    "pi_u": "π(u)",
    "pi_r": "π(r)",
    "rho_relative": "Spearman ε",
    "rho_absolute": "Spearman |r|",
    "single_rho_relative": "one at a time, ε",
    "single_rho_absolute": "one at a time, |r|",
    "kl": "mean KL (nats)",
}


def model(evidence: Evidence) -> Sequence[Exhibit]:
    """Everything about the model: depth profiles, effect by error, the classes of the claims, and the numbers."""
    return [
        *_depth(evidence, MODEL, "a language model", hero=True),
        *_tenths(evidence, MODEL),
        *_classes(evidence, HEADLINE, "layer-updates-ids", "With and without the same token ids"),
        *_table(evidence, MODEL),
    ]


def mamba(evidence: Evidence) -> Sequence[Exhibit]:
    """The same of the state-space model."""
    return [*_depth(evidence, MAMBA, "a state-space model"), *_tenths(evidence, MAMBA), *_table(evidence, MAMBA)]


def classes(evidence: Evidence) -> Sequence[Exhibit]:
    """The further classes."""
    return _classes(evidence, evidence.settings.classes, "layer-updates-classes", "Other classes of tokenwise maps")


def _depth(evidence: Evidence, condition: str, what: str, *, hero: bool = False) -> list[Exhibit]:
    def lines(name: str, own: str, *controls: str) -> list[list[Series]]:
        words = {
            "": own,
            PERMUTED: "permuted bank",
            UNTRAINED: "untrained network",
            ROTATED: "residual turned at random",
        }
        return [
            by_layer(evidence, condition, metric(name), words[control], control=control, dashed=bool(control))
            for control in ("", *controls)
        ]

    whole = "tokenwise map"
    chance = by_layer(evidence, condition, metric("pi_r"), "q / d", control=CHANCE)
    panels = [
        *panel("Cosine with the update", *lines("align_t", "tokenwise part"), *lines("align_r", "residual")),
        *panel("R² of the tokenwise part", *lines("r2", whole, PERMUTED, UNTRAINED)),
        *panel(
            "Energy in the leading tokenwise directions",
            *lines("pi_u", "update"),
            *lines("pi_r", "residual", ROTATED),
            references=[Reference(name="q / d", value=chance[0].y[0])] if chance else (),
        ),
        *panel(
            "Spearman: relative error, KL",
            *lines("rho_relative", whole, PERMUTED, UNTRAINED),
            references=(Reference(name="threshold", value=RELATIVE),),
        ),
        *panel(
            "Spearman: length of the residual, KL",
            *lines("rho_absolute", whole, PERMUTED, UNTRAINED),
            references=(Reference(name="threshold", value=ABSOLUTE),),
        ),
        *panel("KL when the block is replaced (nats)", *lines("kl", whole, PERMUTED, UNTRAINED), log_y=True),
    ]
    if not panels:
        return []
    return [
        Profiles(
            id=f"layer-updates-depth-{condition}",
            title=f"What the blocks of {what} write, token by token",
            caption="Each block's update is split into what a map of the token's own stream predicts and the rest; "
            "then the block is replaced by the map. Band: range over seeds. Dashed: null controls.",
            experiment=evidence.directory.name,
            hero=hero,
            panels=tuple(panels),
            x_label="block",
        )
    ]


def _tenths(evidence: Evidence, condition: str) -> list[Exhibit]:
    seeds = evidence.seeds(condition) if (condition in evidence.conditions) else []
    if not seeds:
        return []
    layers = evidence.profile(condition, seeds[0], metric("kl"))[0]
    lines = []
    for layer in layers:
        try:
            values = {seed: evidence.series(condition, seed, "tenths/kl", layer)[1] for seed in seeds}
        except RunError:
            return []
        lines.append(band(f"block {layer}", range(1, BINS + 1), values))
    return [
        Curves(
            id=f"layer-updates-tenths-{condition}",
            title="Where the map errs, the prediction moves",
            caption="Median KL of the prediction when a block is replaced by its tokenwise map, over tenths of the "
            "tokens by relative error ε. Band: range over seeds.",
            experiment=evidence.directory.name,
            order=1,
            series=tuple(lines),
            x_label="tenth of the tokens, smallest error first",
            y_label="median KL (nats)",
            log_y=True,
        )
    ]


def _classes(evidence: Evidence, kinds: Sequence[str], id: str, title: str) -> list[Exhibit]:
    panels = [
        shown
        for words, name in (
            ("R²", "r2"),
            ("Mean relative error ε", "error"),
            ("π(u): energy of the update", "pi_u"),
            ("π(r): energy of the residual", "pi_r"),
            ("Spearman: ε, KL", "rho_relative"),
            ("Spearman: |r|, KL", "rho_absolute"),
        )
        for shown in panel(
            words, *(by_layer(evidence, MODEL, metric(name, kind), CLASSES.get(kind, kind)) for kind in kinds)
        )
    ]
    if not panels:
        return []
    return [
        Profiles(
            id=id,
            title=title,
            caption="A more expressive class leaves a smaller residual without any change of the model, so layers are "
            "compared within a class. “Other token ids”: no neighbour is the very same token. Band: range over seeds.",
            experiment=evidence.directory.name,
            order=2,
            panels=tuple(panels),
            x_label="block",
        )
    ]


def _table(evidence: Evidence, condition: str) -> list[Exhibit]:
    if condition not in evidence.conditions:
        return []
    columns = {}
    layers: list[int] = []
    for name in COLUMNS:
        found = [evidence.profile(condition, seed, metric(name)) for seed in evidence.seeds(condition)]
        layers = found[0][0]
        columns[name] = [statistics.fmean(values) for values in zip(*(one[1] for one in found), strict=True)]
    return [
        Table(
            id=f"layer-updates-table-{condition}",
            title="The numbers, mean over seeds",
            caption="Local map from neighbours. ε = |r| / |u|; π: share of the squared length inside the 16 leading "
            "tokenwise directions; Spearman with the KL of the prediction, all positions replaced or one at a time.",
            experiment=evidence.directory.name,
            order=3,
            sortable=True,
            columns=("block", *COLUMNS.values()),
            rows=tuple((layer, *(columns[name][place] for name in COLUMNS)) for place, layer in enumerate(layers)),
        )
    ]
