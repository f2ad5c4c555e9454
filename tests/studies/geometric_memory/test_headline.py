from __future__ import annotations

from geomem.studies.geometric_memory import headline
from geomem.studies.geometric_memory.settings import LAPTOP, PAPER


def test_the_control_differs_by_its_frozen_tables() -> None:
    for build in (headline.edges_only, headline.path_finding):
        cells = {cell.condition: cell.spec for cell in build(LAPTOP, [0])}
        assert set(cells) == {"trained", "frozen"}
        trained, frozen = (cells[name].model.model_dump() for name in ("trained", "frozen"))
        changed = {name for name in trained if trained[name] != frozen[name]}
        assert changed == {"frozen", "initialisation"}
        assert cells["trained"].task == cells["frozen"].task


def test_edges_only_never_sees_a_path() -> None:
    for cell in headline.edges_only(LAPTOP, [0, 1]):
        assert all(stage.mix == {"edges": 1.0} for stage in cell.spec.stages)


def test_larger_graphs_at_paper_scale() -> None:
    cells = {cell.condition: cell.spec for cell in headline.path_finding(PAPER, [0])}
    assert {"G(10000,6)", "G(10000,10)"} <= set(cells)
    graph = cells["G(10000,10)"].task.model_dump()["graph"]
    assert (graph["arms"], graph["length"]) == (10_000, 10)
    assert cells["G(10000,10)"].model.model_dump()["width"] == 784


def test_larger_settings_cost_more() -> None:
    small, large = (headline.edges_only(scale, [0])[0].cost for scale in (LAPTOP, PAPER))
    assert large > 100 * small
