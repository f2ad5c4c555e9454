from __future__ import annotations

import json
import math

from geomem.report.items import page_item, script_json, slug
from geomem.runs.exhibits import Map, MapPanel
from tests.report.sample_run import EVIL, accuracy_curves, eigen_bars, star_map, storage_table


def test_a_map_carries_its_nodes() -> None:
    exhibit = star_map(arms=5)
    data = json.loads(page_item(exhibit).map)
    assert data["labels"] == list(exhibit.labels)
    assert [tuple(pair) for pair in data["edges"]] == list(exhibit.edges)
    assert data["panels"][0]["x"] == [row[0] for row in exhibit.panels[0].positions]
    assert len(data["colours"]) == len(data["marks"]) == len(data["sizes"]) == 16
    assert page_item(exhibit, live=False).map == ""


def test_a_node_without_a_place_has_none() -> None:
    panel = MapPanel(title="p", positions=[[math.nan, 0], [1, 1]])
    data = json.loads(page_item(Map(id="m", title="m", panels=(panel,), labels=("a", "b"))).map)
    assert data["panels"][0]["x"] == [None, 1]


def test_json_never_ends_its_script() -> None:
    text = script_json({"name": f"{EVIL}<!-- & \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": f"{EVIL}<!-- & \u2028"}


def test_tables_align_numbers() -> None:
    item = page_item(storage_table())
    assert [cell.cls for cell in item.head] == ["", "n", "n", "n", ""]
    assert [cell.text for cell in item.body[1]] == ["cycle of 15", "15", "812", "1.02", "closed form"]
    assert item.body[0][-1].text == ""


def test_prefixes_keep_runs_apart_and_widths_follow_the_kind() -> None:
    item = page_item(accuracy_curves(), prefix="a-")
    assert item.anchor == "figure-a-path-accuracy"
    assert item.single
    assert not page_item(eigen_bars()).single


def test_slugs() -> None:
    assert slug("Path finding, C1!") == "path-finding-c1"
    assert slug("…") == "x"
