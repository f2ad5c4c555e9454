"""`geomem graph`: a graph described in a table, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from geomem.errors import InputError
from geomem.graphs.describe import Description, describe
from geomem.graphs.graph import Graph
from geomem.graphs.layout import layout
from geomem.graphs.parse import graph_from_text
from geomem.runs.atomic import write_atomic
from geomem.runs.exhibits import Map, MapPanel

_FORMATS = ("svg", "png", "pdf")
_DRAWN_NODES = 20_000
"""Beyond this a drawing is a blot, and an SVG of it a burden."""


@dataclass(frozen=True)
class GraphView:
    """A description for printing, and where the drawing went."""

    description: Description
    drawing: Path | None

    def data(self) -> Any:
        """Return the description as a mapping."""
        return {
            **self.description.model_dump(mode="json"),
            "drawing": None if self.drawing is None else str(self.drawing),
        }

    def renderables(self) -> list[Any]:
        """Return a table of facts."""
        table = Table(show_header=False, box=None, padding=(0, 2))
        for name, value in self.description.rows():
            table.add_row(f"[cyan]{escape(name)}[/]", escape(value))
        drawn = [] if self.drawing is None else [f"drawn in {escape(str(self.drawing))}"]
        return [table, *drawn]


def look(text: str, seed: int, drawing: Path | None) -> GraphView:
    """Build the graph that `text` names (a kind with settings, or a file), describe it, and draw it if asked.

    Raises InputError for an unknown kind or setting, a bad file, or a drawing that cannot be made; the format of the
    drawing is checked before any work.
    """
    if drawing is not None and drawing.suffix.lstrip(".").lower() not in _FORMATS:
        raise InputError(f"--draw {drawing}: expected a name that ends in .svg, .png or .pdf")
    spec: Any = graph_from_text(text)
    graph: Graph = spec.build(seed)
    if drawing is not None:
        _draw(graph, drawing)
    return GraphView(describe(graph), drawing)


def _draw(graph: Graph, path: Path) -> None:
    from geomem.report.figures import figure_bytes

    if graph.num_nodes > _DRAWN_NODES:
        raise InputError(
            f"--draw: {graph.num_nodes} nodes are too many to draw (limit {_DRAWN_NODES}); leave --draw out"
        )
    positions = tuple((float(x), float(y)) for x, y in layout(graph))
    exhibit = Map(
        id="graph",
        title=graph.name,
        panels=(MapPanel(title=graph.name, positions=positions),),
        labels=tuple(graph.label(node) for node in range(graph.num_nodes)),
        groups=graph.groups,
        edges=tuple((int(u), int(v)) for u, v in graph.edges),
    )
    write_atomic(path, figure_bytes(exhibit, path.suffix.lstrip(".").lower()))
