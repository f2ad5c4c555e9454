from __future__ import annotations

from pathlib import Path

import pytest

from geomem.graphs import GRAPHS
from geomem.graphs.files import FORMATS, FileSpec
from geomem.graphs.graph import Graph
from geomem.graphs.networkx_io import to_networkx
from geomem.spec import resolve
from tests.graphs.checks import fails

GRAPHML = """<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">
<node id="a"/><node id="b"/><node id="c"/>
<edge source="a" target="b"/><edge source="c" target="b"/></graph></graphml>"""
TEXT = {"csv": "source,target\na,b\nc,b\n", "edges": "a b\nc b\n", "graphml": GRAPHML}


def build(path: Path, **settings: object) -> Graph:
    return resolve(GRAPHS, {"kind": "file", "path": str(path), **settings}).build(0)


@pytest.mark.parametrize("ending", [*FORMATS, ".CSV"])
def test_the_same_graph_in_every_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"graph{ending}"
    path.write_text(TEXT[FORMATS[ending.lower()]])
    graph = build(path)
    assert (graph.name, graph.labels, graph.edges.tolist()) == (path.name, ("a", "b", "c"), [[0, 1], [2, 1]])


@pytest.mark.parametrize("format_", ["csv", "edges", "graphml"])
def test_a_format_said_wins_over_the_ending(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.dat"
    path.write_text(TEXT[format_])
    assert build(path, format=format_).num_nodes == 3


def test_columns_nodes_and_choices(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("from,w,to\nb,1,a\na,1,b\nb,2,b\n")
    (tmp_path / "n.csv").write_text("label,group,lat,lon\na,g,1,2\nb,h,3,4\nc,h,5,6\n")
    settings = {"source_column": "from", "target_column": "to", "nodes": str(tmp_path / "n.csv")}
    graph = build(tmp_path / "e.csv", **settings, on_self_loop="keep", on_duplicate="drop")
    assert graph.edges.tolist() == [[1, 0], [1, 1]]
    assert (graph.groups, graph.coordinate_kind, graph.num_nodes) == (("g", "h", "h"), "sphere", 3)
    fails(lambda: build(tmp_path / "e.csv", **settings), "e.csv line 4", "self-loop at 'b'", "on_self_loop=keep")
    fails(lambda: build(tmp_path / "e.csv", **settings, on_self_loop="drop"), "e.csv line 3", "repeats line 2")


def test_a_round_trip_through_networkx_and_an_edge_list(tmp_path: Path) -> None:
    import networkx as nx

    graph = resolve(GRAPHS, "erdos-renyi").build(4)
    nx.write_edgelist(to_networkx(graph), tmp_path / "g.edgelist", data=False)
    assert sorted(build(tmp_path / "g.edgelist").edges.tolist()) == sorted(graph.edges.tolist())


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"path": "graph.parquet"}, ("graph.parquet", "'.parquet'", ".graphml", "format=")),
        ({"path": "graph"}, ("graph", "unknown ending ''", "format=")),
        ({"path": "g.csv", "source_column": "a", "target_column": "a"}, ("source_column", "target_column", "'a'")),
        ({"path": "g.graphml", "nodes": "n.csv"}, ("GraphML", "nodes=n.csv")),
        ({}, ("path", "required")),
        ({"path": "g.csv", "on_duplicates": "drop"}, ("on_duplicates", "did you mean 'on_duplicate'")),
        ({"path": "g.csv", "on_self_loop": "ignore"}, ("on_self_loop", "'drop'", "'ignore'")),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, str], facts: tuple[str, ...]) -> None:
    def run() -> object:
        spec = resolve(GRAPHS, {"kind": "file", **settings}, "graph")
        return spec.build(0)

    fails(run, *facts)


def test_errors_name_the_file_at_fault(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("source,target\na,b\n")
    (tmp_path / "bad.csv").write_bytes(b"label\n\xe9\n")
    fails(lambda: build(tmp_path / "f.csv"), "f.csv", "no such file", "did you mean 'e.csv'")
    fails(lambda: build(tmp_path / "e.csv", nodes=str(tmp_path / "m.csv")), "m.csv", "no such file")
    fails(lambda: build(tmp_path / "e.csv", nodes=str(tmp_path / "bad.csv")), "bad.csv", "not UTF-8", "line 2")
    fails(lambda: build(tmp_path, format="csv"), str(tmp_path), "folder")


def test_settings_go_to_json_and_back() -> None:
    spec = FileSpec(path="a.csv", on_duplicate="drop")
    assert FileSpec.model_validate_json(spec.model_dump_json()) == spec
