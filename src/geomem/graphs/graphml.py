"""GraphML, read through networkx once the XML is known to be harmless and well formed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.parsers import expat

from geomem.errors import InputError
from geomem.graphs.assemble import OnDuplicate, OnSelfLoop
from geomem.graphs.graph import Graph
from geomem.graphs.networkx_io import from_networkx


def read_graphml(data: bytes, where: str, *, on_self_loop: OnSelfLoop, on_duplicate: OnDuplicate) -> Graph:
    """Read GraphML; node and edge attributes as in `from_networkx`.

    Raises InputError for XML that is not well formed, that declares a document type (its entities can be made to grow
    without bound or to name other files, and GraphML needs none), or that is not GraphML.
    """
    import networkx as nx

    _check_xml(data, where)
    try:
        graph = nx.read_graphml(io.BytesIO(data))
    except (nx.NetworkXError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{where}: malformed GraphML ({type(error).__name__}: {reason})") from None
    made = from_networkx(graph, where, on_self_loop=on_self_loop, on_duplicate=on_duplicate)
    return replace(made, name=Path(where).name)


def _check_xml(data: bytes, where: str) -> None:
    """Refuse what networkx would expand, or read as something that is not there (an id left out becomes "None")."""
    parser = expat.ParserCreate()
    nodes: set[str] = set()
    ends: list[tuple[str, int]] = []
    graphs = 0

    def refuse(*_: object) -> None:
        raise InputError(
            f"{where} line {parser.CurrentLineNumber}: has a DOCTYPE, which GraphML does not need; remove it"
        )

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal graphs
        name, line = tag.rpartition(":")[2], parser.CurrentLineNumber
        for key in {"node": ("id",), "edge": ("source", "target")}.get(name, ()):
            if key not in attributes:
                raise InputError(f"{where} line {line}: malformed GraphML, <{name}> without {key}")
        if name == "node":
            if attributes["id"] in nodes:
                raise InputError(f"{where} line {line}: malformed GraphML, node {attributes['id']!r} appears twice")
            nodes.add(attributes["id"])
        if name == "edge":
            ends.extend((attributes[key], line) for key in ("source", "target"))
        graphs += name == "graph"
        if graphs > 1:
            raise InputError(f"{where} line {line}: holds more than one graph; keep one to a file")

    # Only the parser itself sees a declaration whatever the encoding; a search for "<!DOCTYPE" can be evaded.
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(
            f"{where} line {error.lineno} column {error.offset + 1}: malformed GraphML, not well-formed XML ({reason})"
        ) from None
    for node, line in ends:
        if node not in nodes:
            raise InputError(f"{where} line {line}: malformed GraphML, there is no node {node!r}")
