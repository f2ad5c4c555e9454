from __future__ import annotations

from typing import Any

import pytest

from geomem.runs.exhibits import Table
from geomem.runs.tables import Measurement
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.pair_pictures import difference, pair
from geomem.studies.layer_skipping.predicates import PAIR
from geomem.studies.layer_skipping.settings import SMOKE
from geomem.studies.layer_skipping.twin import BAG, CAUSAL, DIFFUSION, UNIGRAM
from tests.studies.written import Written, row


def written(loss: float) -> Written:
    rows: list[Measurement] = [row("pair/accuracy_ratio", 1.0)]
    rows += [row(f"pair/{name}_difference", 0.2, low=0.1, high=0.3) for name in ("influence", "likeness")]
    for name, value in ((CAUSAL, 4.0), (DIFFUSION, loss), (BAG, 5.0), (UNIGRAM, 6.0)):
        rows += [row("match/accuracy", 0.2, condition=name), row("match/loss", value, condition=name)]
        if name != UNIGRAM:
            rows.append(row("match/step", 100, condition=name))
    for name in (CAUSAL, DIFFUSION):
        rows += [row(f"influence/lag_{lag}", 1 / lag, condition=name) for lag in SMOKE.recency.lags]
        for metric in ("similarity/cosine", "skips/loss_ratio", "recency/raw", "recency/centred"):
            rows += [row(metric, 0.5, layer=layer, condition=name) for layer in range(3)]
    return Written(PAIR, {(PAIR, seed): rows for seed in (0, 1)}, SMOKE)


def ids(evidence: Any) -> set[str]:
    return {one.id for one in pair(evidence)}


def test_networks_that_match_are_shown_side_by_side() -> None:
    assert ids(written(4.2)) == {
        "layer-skipping-match", "layer-skipping-pair-depth", "layer-skipping-pair-influence",
        "layer-skipping-pair-recency", "layer-skipping-pair-likeness",
    }  # fmt: skip
    (table,) = [one for one in pair(written(4.2)) if isinstance(one, Table)]
    assert len(table.rows) == 8
    assert table.caption.startswith("Accepted")


def test_networks_that_do_not_match_are_not() -> None:
    (table,) = pair(written(5.5))
    assert table.caption.startswith("Rejected")


def test_a_difference_keeps_its_interval() -> None:
    found = difference(written(4.2), "pair/influence_difference")
    assert {seed: (one.low, one.high) for seed, one in found.items()} == {0: (0.1, 0.3), 1: (0.1, 0.3)}
    assert difference(written(4.2), "nothing") == {}


@pytest.mark.parametrize("cells", [{}, {(PAIR, 0): []}])
def test_without_a_pair_there_is_nothing_to_show(cells: dict[Any, Any]) -> None:
    evidence: Evidence = Written(PAIR, cells, SMOKE)
    assert pair(evidence) == []
