"""Knowledge as graphs: families, real ones, and files of one's own. Only the registry is here: listing is free."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

GRAPHS: Registry[type[Spec]] = Registry(
    "graph",
    {
        "path-star": ("geomem.graphs.path_star:PathStarSpec", "arms of equal length that meet in one root"),
        "tree-star": ("geomem.graphs.tree_star:TreeStarSpec", "a root whose children are roots of equal b-ary trees"),
        "grid": ("geomem.graphs.grid:GridSpec", "rows x columns, each node joined to its four neighbours"),
        "cycle": ("geomem.graphs.cycle:CycleSpec", "a ring of nodes"),
        "irregular": ("geomem.graphs.irregular:IrregularSpec", "16 nodes, 20 fixed edges, two components"),
        "complete": ("geomem.graphs.complete:CompleteSpec", "every node joined to every other"),
        "erdos-renyi": (
            "geomem.graphs.erdos_renyi:ErdosRenyiSpec",
            "each pair joined independently with probability p",
        ),
        "countries": ("geomem.graphs.countries:CountriesSpec", "which country borders which, with their true places"),
        "wordnet": ("geomem.graphs.wordnet:WordnetSpec", "which noun is a kind of which; geomem fetch wordnet gets it"),
        "file": ("geomem.graphs.files:FileSpec", "an edge list, CSV or GraphML file of your own"),
    },
)
