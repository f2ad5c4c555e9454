"""Countries joined where they share a land border, with their true places kept aside for measuring.

Derived from the PyPI package countryinfo 1.0.1 (MIT) by scripts/make_countries.py, which lists every correction made;
see data/README.md.
"""

from __future__ import annotations

from importlib import resources
from typing import Literal

import numpy as np
from pydantic import Field

from geomem.graphs.assemble import assemble
from geomem.graphs.graph import Graph
from geomem.graphs.matrices import degrees
from geomem.graphs.reading import decode
from geomem.graphs.subgraph import largest_component, subgraph
from geomem.graphs.tables import Table, edge_pairs, node_table, read_csv
from geomem.spec import Spec

NODES = "countries_nodes.csv"
BORDERS = "countries_borders.csv"


class CountriesSpec(Spec):
    """The border graph; edges point from the lower id to the higher, ids follow the alphabet, groups are continents."""

    kind: Literal["countries"] = "countries"
    islands: bool = Field(False, description="keep countries without a land border, as nodes without an edge")
    component: Literal["all", "largest"] = Field("all", description="all of it, or only the largest connected part")

    def build(self, seed: int) -> Graph:
        """Build the graph; nothing in it is random, so `seed` is not used.

        Coordinates are (latitude, longitude) in degrees of the country's centre, or else of its capital.
        """
        pairs = edge_pairs(shipped(BORDERS), "source", "target")
        graph = assemble("countries", pairs, node_table(shipped(NODES)), "error", "error")
        if self.component == "largest":
            return largest_component(graph)
        return graph if self.islands else subgraph(graph, np.flatnonzero(degrees(graph) > 0))


def shipped(name: str) -> Table:
    """Read a CSV that comes with the package."""
    data = resources.files("geomem.graphs").joinpath("data", name).read_bytes()
    return read_csv(decode(data, name), name)
