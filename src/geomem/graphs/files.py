"""Graphs from files of one's own: edge lists, CSV and GraphML."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from geomem.errors import InputError
from geomem.graphs.assemble import OnDuplicate, OnSelfLoop, assemble
from geomem.graphs.graph import Graph
from geomem.graphs.graphml import read_graphml
from geomem.graphs.reading import decode, read_bytes
from geomem.graphs.tables import edge_pairs, node_table, read_csv, read_edge_list
from geomem.spec import Spec

FORMATS = {
    ".csv": "csv",
    ".graphml": "graphml",
    ".xml": "graphml",
    ".txt": "edges",
    ".edges": "edges",
    ".edgelist": "edges",
    ".tsv": "edges",
    ".tab": "edges",
}
"""Which format a file name's ending means."""


class FileSpec(Spec):
    """An undirected graph in a file; the order in which a line names its two nodes is the forward direction.

    Weights and any further columns are not used: what is learned from an edge here is only that it is there.
    """

    kind: Literal["file"] = "file"
    path: str = Field(description="edge list (.txt .edges .edgelist .tsv .tab), .csv, or GraphML (.graphml .xml)")
    format: Literal["auto", "edges", "csv", "graphml"] = Field("auto", description="auto: by the ending of the name")
    source_column: str = Field("source", min_length=1, description="CSV column of an edge's first node")
    target_column: str = Field("target", min_length=1, description="CSV column of an edge's second node")
    nodes: str | None = Field(None, description="CSV of nodes: label, and group, x, y or lat, lon if known")
    on_self_loop: OnSelfLoop = Field("error", description="what to do with an edge from a node to itself")
    on_duplicate: OnDuplicate = Field("error", description="what to do with an edge that was there already")

    @model_validator(mode="after")
    def _consistent(self) -> FileSpec:
        read_as = self.read_as
        if self.source_column == self.target_column:
            raise InputError(f"file: source_column and target_column are both '{self.source_column}'")
        if self.nodes is not None and read_as == "graphml":
            raise InputError(f"file: GraphML holds its own nodes; leave out nodes={self.nodes}")
        return self

    @property
    def read_as(self) -> str:
        """The format: as asked, or by the ending of the name. Raises InputError for an ending that says nothing."""
        if self.format != "auto":
            return self.format
        ending = Path(self.path).suffix.lower()
        if ending not in FORMATS:
            known = ", ".join(FORMATS)
            raise InputError(f"{self.path}: unknown ending '{ending}'; known: {known}; or set format=edges|csv|graphml")
        return FORMATS[ending]

    def build(self, seed: int) -> Graph:
        """Read the file; nothing in it is random, so `seed` is not used. Raises InputError with the line at fault."""
        data = read_bytes(Path(self.path))
        if self.read_as == "graphml":
            return read_graphml(data, self.path, on_self_loop=self.on_self_loop, on_duplicate=self.on_duplicate)
        text = decode(data, self.path)
        if self.read_as == "csv":
            pairs = edge_pairs(read_csv(text, self.path), self.source_column, self.target_column)
        else:
            pairs = read_edge_list(text, self.path, self.source_column, self.target_column)
        nodes = None
        if self.nodes is not None:
            nodes = node_table(read_csv(decode(read_bytes(Path(self.nodes)), self.nodes), self.nodes))
        return assemble(Path(self.path).name, pairs, nodes, self.on_self_loop, self.on_duplicate)
