from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import networkx as nx
import numpy as np
import pytest

from geomem.graphs.countries import BORDERS, NODES, CountriesSpec, shipped
from geomem.graphs.facts import facts
from geomem.graphs.matrices import components, degrees
from geomem.graphs.networkx_io import to_networkx

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_countries.py"


def source_is_installed() -> bool:
    try:
        return metadata.version("countryinfo") == "1.0.1"
    except metadata.PackageNotFoundError:
        return False


def script() -> ModuleType:
    found = importlib.util.spec_from_file_location("make_countries", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_data_asserts_its_own_counts() -> None:
    graph = CountriesSpec().build(0)
    everything = CountriesSpec(islands=True).build(0)
    largest = CountriesSpec(component="largest").build(0)
    assert (everything.num_nodes, graph.num_nodes, largest.num_nodes) == (246, 161, 134)
    assert (len(everything.edges), len(graph.edges), len(largest.edges)) == (319, 319, 280)
    assert np.bincount(components(graph)).tolist() == [134, 23, 2, 2]
    assert int((degrees(everything) == 0).sum()) == 85
    assert degrees(graph).min() == 1


def test_nodes_and_places() -> None:
    graph = CountriesSpec().build(0)
    assert graph.labels is not None
    assert graph.coordinates is not None
    assert graph.groups is not None
    assert graph.coordinate_kind == "sphere"
    assert list(graph.labels) == sorted(graph.labels)
    assert set(graph.groups) == {"Africa", "Americas", "Asia", "Europe", "Oceania"}
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()
    assert graph.coordinates[graph.labels.index("Mongolia")].tolist() == [46.0, 105.0]
    assert graph.groups[graph.labels.index("Mongolia")] == "Asia"


@pytest.mark.parametrize(
    ("country", "neighbours"),
    [
        ("Mongolia", {"China", "Russia"}),
        ("Portugal", {"Spain"}),
        ("Ireland", {"United Kingdom"}),
        ("Vatican City State", {"Italy"}),
        ("Lesotho", {"South Africa"}),
        ("Nepal", {"China", "India"}),
        ("Papua New Guinea", {"Indonesia"}),
        ("Kuwait", {"Iraq", "Saudi Arabia"}),
        ("Chad", {"Cameroon", "Central African Republic", "Libya", "Niger", "Nigeria", "Sudan"}),
    ],
)
def test_borders_that_anyone_can_look_up(country: str, neighbours: set[str]) -> None:
    graph = CountriesSpec().build(0)
    assert graph.labels is not None
    drawn = to_networkx(graph).to_undirected()
    assert {graph.labels[node] for node in drawn[graph.labels.index(country)]} == neighbours


def test_neighbours_are_nearer_than_strangers_on_the_globe() -> None:
    graph = CountriesSpec(component="largest").build(0)
    assert graph.coordinates is not None
    lat, lon = np.deg2rad(graph.coordinates).T
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    far = 6371 * np.arccos(np.clip(points @ points.T, -1, 1))
    along = far[graph.edges[:, 0], graph.edges[:, 1]]
    assert np.median(along) < 0.25 * np.median(far)
    # Russia and the United States span continents; no centre lies farther than that from a neighbour's.
    assert along.max() < 7000


def test_sentences() -> None:
    said = facts(CountriesSpec().build(0))
    assert len(said) == 2 * 319
    assert "Mongolia borders China" in said
    assert "China borders Mongolia" in said


def test_islands_are_nodes_without_an_edge() -> None:
    graph = CountriesSpec(islands=True).build(0)
    assert graph.labels is not None
    assert degrees(graph)[graph.labels.index("Iceland")] == 0
    assert "Iceland" not in (CountriesSpec().build(0).labels or ())


def test_shipped_tables_agree_with_each_other() -> None:
    labels = set(shipped(NODES).column("label"))
    assert set(shipped(BORDERS).column("source")) | set(shipped(BORDERS).column("target")) <= labels
    assert shipped(NODES).column("place").count("capital") == 9


def test_largest_component_is_connected() -> None:
    assert nx.is_connected(to_networkx(CountriesSpec(component="largest").build(0)).to_undirected())


@pytest.mark.skipif(not source_is_installed(), reason="countryinfo 1.0.1 is not installed")
def test_shipped_files_are_what_the_source_gives() -> None:
    made = script()
    for name, text in made.render().items():
        assert (made.FOLDER / name).read_text(encoding="utf-8") == text, name


@pytest.mark.skipif(not source_is_installed(), reason="countryinfo 1.0.1 is not installed")
def test_a_pair_nobody_judged_stops_the_script() -> None:
    made = script()
    found = made.records()
    island = next(record for record in found if record["name"] == "Iceland")
    island["borders"] = ["NOR"]
    with pytest.raises(RuntimeError, match="not judged"):
        made.derive(found)
    island["borders"] = ["XYZ"]
    with pytest.raises(RuntimeError, match="nothing explains"):
        made.derive(found)


@pytest.mark.skipif(not source_is_installed(), reason="countryinfo 1.0.1 is not installed")
def test_the_script_checks_and_its_documented_counts_hold() -> None:
    assert subprocess.run([sys.executable, str(SCRIPT), "--check"], check=False, capture_output=True).returncode == 0
    text = script().__doc__ or ""
    for fact in ("254 records", "246 countries", "161 nodes with a border", "85 without", "319 borders", "134 nodes"):
        assert fact in text
