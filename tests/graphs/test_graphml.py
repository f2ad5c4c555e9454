from __future__ import annotations

import io

import networkx as nx
import pytest

from geomem.graphs.graph import Graph
from geomem.graphs.graphml import read_graphml
from geomem.graphs.networkx_io import to_networkx
from geomem.graphs.parse import graph_from_text
from tests.graphs.checks import fails

HEAD = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
END = "</graph></graphml>"
GRAPH = f'{HEAD}<graph edgedefault="directed"><node id="a"/><node id="b"/>'
AB = "<edge source='a' target='b'/>"


def read(data: bytes | str) -> Graph:
    raw = data.encode() if isinstance(data, str) else data
    return read_graphml(raw, "d/f.graphml", on_self_loop="error", on_duplicate="error")


@pytest.mark.parametrize("kind", ["countries", "path-star:arms=5,length=4", "grid", "irregular"])
def test_what_networkx_writes_comes_back(kind: str) -> None:
    graph = graph_from_text(kind).build(1)
    text = io.BytesIO()
    nx.write_graphml(to_networkx(graph), text)
    again = read(text.getvalue())
    assert sorted(again.edges.tolist()) == sorted(graph.edges.tolist())
    assert (again.labels, again.groups, again.root) == (graph.labels, graph.groups, graph.root)
    assert again.name == "f.graphml"
    if graph.coordinates is not None:
        assert again.coordinates is not None
        assert again.coordinates.tolist() == graph.coordinates.tolist()


def test_plain_graphml_with_an_encoding_of_its_own() -> None:
    text = f'<?xml version="1.0" encoding="iso-8859-1"?>{GRAPH}{AB}{END}'.replace('"a"', '"é"').replace("'a'", "'é'")
    assert read(text.encode("iso-8859-1")).labels == ("é", "b")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(encoding: str) -> None:
    bomb = '<!DOCTYPE g [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    fails(
        lambda: read(f'<?xml version="1.0" encoding="{encoding}"?>\n{bomb}{GRAPH}{AB}{END}'.encode(encoding)),
        "line 2",
        "DOCTYPE",
    )


def test_no_other_file_is_read() -> None:
    fails(
        lambda: read(f'<!DOCTYPE g [<!ENTITY x SYSTEM "file:///etc/hostname">]>{GRAPH}{AB}{END}'), "line 1", "DOCTYPE"
    )


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("", ("malformed GraphML", "line 1")),
        ("source,target\n", ("malformed GraphML", "line 1", "not well-formed")),
        (f"{HEAD}\n<graph>", ("malformed GraphML", "line 2")),
        ("<html/>", ("malformed GraphML",)),
        (f"{HEAD}</graphml>", ("malformed GraphML",)),
        (f"{GRAPH}<edge source='a'/>{END}", ("line 1", "malformed GraphML", "<edge> without target")),
        (f"{GRAPH}<node/>{END}", ("line 1", "malformed GraphML", "<node> without id")),
        (f"{GRAPH}\n<node id='a'/>{END}", ("line 2", "malformed GraphML", "node 'a' appears twice")),
        (f"{GRAPH}\n<edge source='a' target='c'/>{END}", ("line 2", "malformed GraphML", "no node 'c'")),
        (f"{GRAPH}</graph>\n<graph edgedefault='undirected'>{END}", ("line 2", "more than one graph")),
        (f"{GRAPH}<node id='c'><data key='k'>1</data></node>{END}", ("malformed GraphML", "k")),
        (f"{GRAPH}{END}", ("no edges",)),
        (f"{GRAPH}<edge source='a' target='a'/>{END}", ("self-loop at 'a'",)),
        (f"{GRAPH}{AB}<edge source='b' target='a'/>{END}", ("'b'-'a'", "repeats", "on_duplicate")),
    ],
)
def test_what_is_not_a_graph(text: str, facts: tuple[str, ...]) -> None:
    fails(lambda: read(text), "d/f.graphml", *facts)
