from __future__ import annotations

from pathlib import Path

from geomem.runs.exhibits import Curves, Heatmap, Profiles, Table
from geomem.studies.depth_efficiency.hop_pictures import _by_block, _by_hops, _table, hops
from geomem.studies.depth_efficiency.settings import LAPTOP
from geomem.studies.evidence import Evidence
from tests.contract.checks import check_exhibits
from tests.studies.depth_efficiency import samples
from tests.studies.written import Written


def test_a_run_leaves_every_picture(depth_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    shown = list(hops(depth_evidence["hops"]))
    check_exhibits(shown, tmp_path)
    assert [one.id for one in shown] == [
        "depth-hops", "depth-hops-blocks", "depth-hops-table", "depth-hops-attributions", "depth-hops-erased",
    ]  # fmt: skip
    gradients, erased = shown[-2:]
    assert isinstance(gradients, Heatmap)
    assert isinstance(erased, Heatmap)
    assert gradients.col_names == ("start", "entity", "r1", "r2", "r3")
    assert (len(gradients.panels[0].matrix), len(erased.panels[0].matrix)) == (3, 4)
    assert (gradients.diverging, erased.diverging) == (True, False)


def test_scores_are_drawn_by_hops_and_effects_by_block() -> None:
    evidence = samples.hops()
    scores, blocks = _by_hops(evidence), _by_block(evidence)
    assert isinstance(scores, Profiles)
    assert scores.panels[0].series[0].y == (1.0, 2.0, 2.5, 3.0)
    assert [panel.references[0].value for panel in scores.panels] == [2.5, 1 / 16]
    assert isinstance(blocks, Curves)
    assert [line.name for line in blocks.series] == ["1 hop", "2 hops", "3 hops", "4 hops"]
    assert blocks.series[0].x == (0, 1, 2, 3, 4, 5)


def test_the_table_has_the_intervals_of_both_models() -> None:
    (table,) = _table(samples.hops())
    assert isinstance(table, Table)
    assert table.columns == ("seed", "model", "1 hop", "2 hops", "3 hops", "4 hops", "slope, blocks a hop")
    trained, untrained = table.rows
    assert trained[:3] == (0, "trained", "1.00 [0.90, 1.10]")
    assert untrained[1:4] == ("untrained", "1.50 [0.90, 1.10]", "2.50 [1.90, 2.10]")
    assert trained[-1] == untrained[-1] == "0.50 [0.40, 0.60]"


def test_nothing_measured_draws_nothing() -> None:
    assert list(hops(Written("hops", {}, LAPTOP))) == []
