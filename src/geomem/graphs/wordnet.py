"""WordNet's nouns joined where one is a kind of the other, out of the package that `geomem fetch wordnet` gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csgraph

from geomem.errors import InputError, nearest
from geomem.fetch.resolve import fetched_folder
from geomem.graphs.assemble import assemble
from geomem.graphs.graph import Graph
from geomem.graphs.matrices import degrees
from geomem.graphs.reading import decode, read_bytes
from geomem.graphs.subgraph import largest_component, subgraph
from geomem.graphs.tables import Table, edge_pairs, node_table, read_csv
from geomem.spec import Spec


class WordnetSpec(Spec):
    """Meanings of nouns in WordNet 3.1; edges point down, from the general to the special, groups are categories.

    A node is named by the first word of its meaning: "dog"; any but the most frequent meaning of that word has its
    number behind it: "bank (2)". Meanings without an edge are left out.
    """

    kind: Literal["wordnet"] = "wordnet"
    below: str | None = Field(None, description="only this meaning and all that lies below it, such as 'dog'")
    instances: bool = Field(False, description="also join names to what they are instances of, such as a city")
    component: Literal["all", "largest"] = Field("all", description="all of it, or only the largest connected part")

    def build(self, seed: int) -> Graph:
        """Read the graph; nothing in it is random, so `seed` is not used.

        With `below` that meaning is the root. Raises InputError when WordNet was not fetched, for a meaning that it
        does not have (with the nearest one), and for one that has nothing below it.
        """
        edges = _read("edges.csv")
        relations = {"kind", "instance"} if self.instances else {"kind"}
        chosen = [index for index, relation in enumerate(edges.column("relation")) if relation in relations]
        table = replace(
            edges, rows=[edges.rows[index] for index in chosen], lines=[edges.lines[index] for index in chosen]
        )
        graph = assemble(
            "wordnet", edge_pairs(table, "source", "target"), node_table(_read("nodes.csv")), "error", "error"
        )
        if self.below is not None:
            return _below(graph, self.below)
        graph = subgraph(graph, np.flatnonzero(degrees(graph) > 0))
        return largest_component(graph) if self.component == "largest" else graph


def _read(name: str) -> Table:
    file = fetched_folder("wordnet") / name
    return read_csv(decode(read_bytes(file), str(file)), str(file))


def _below(graph: Graph, meaning: str) -> Graph:
    labels = graph.labels or ()
    if meaning not in labels:
        guess = nearest(meaning, labels)
        hint = f"did you mean '{guess}'?" if guess else "a meaning goes by its first word, such as 'dog'"
        raise InputError(f"wordnet: no meaning '{meaning}'; {hint}")
    root = labels.index(meaning)
    nodes = _reached(graph, root)
    if len(nodes) == 1:
        raise InputError(f"wordnet: nothing lies below '{meaning}'")
    part = subgraph(graph, nodes)
    return replace(part, name=f"wordnet below {meaning}", root=int(np.searchsorted(nodes, root)))


def _reached(graph: Graph, root: int) -> NDArray[np.int64]:
    """Return the nodes that one comes to from `root` on forward edges, in ascending order."""
    above, below = graph.edges[:, 0], graph.edges[:, 1]
    down = sp.csr_array((np.ones(len(above)), (above, below)), shape=(graph.num_nodes, graph.num_nodes))
    return np.sort(csgraph.breadth_first_order(down, root, return_predecessors=False)).astype(np.int64)
