"""Where a model places the names of a graph: the map read off its states, beside the true one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geomem.geometry.procrustes import CoordinateKind
from geomem.graphs.graph import Graph
from geomem.graphs.subgraph import subgraph
from geomem.probing.findings import Probed
from geomem.probing.knowledge import question_graph
from geomem.probing.spec import ProbeSpec
from geomem.runs.exhibits import ExhibitBase, Map, MapPanel

AXES: dict[CoordinateKind, tuple[str, str]] = {
    "sphere": ("longitude, read off", "latitude, read off"),
    "plane": ("first coordinate, read off", "second coordinate, read off"),
}


def knowledge_pictures(models: Sequence[Probed], spec: ProbeSpec) -> list[ExhibitBase]:
    """Return the map of names that every model holds; [] without a graph or without true places."""
    if spec.graph is None or "knowledge" not in spec.measure:
        return []
    panels: list[MapPanel] = []
    graph: Graph | None = None
    for model in models:
        arrays = model.measured.arrays()
        if "knowledge/placed" not in arrays:
            continue
        nodes = arrays["knowledge/nodes"].numpy()
        graph = subgraph(question_graph(spec.graph, spec.seed), nodes)
        assert graph.coordinates is not None
        flip = slice(None, None, -1) if graph.coordinate_kind == "sphere" else slice(None)
        placed = arrays["knowledge/placed"].double().numpy()[:, :2][:, flip]
        truth = np.asarray(graph.coordinates)[:, :2][:, flip]
        layer = int(arrays["knowledge/layer"])
        panels.append(
            MapPanel(title=f"{model.measured.model}, layer {layer}", positions=_pairs(placed), truth=_pairs(truth))
        )
    if graph is None:
        return []
    across, up = AXES[graph.coordinate_kind]
    return [Map(
        id="knowledge-map", title=f"The map of {graph.name} inside the model", experiment="knowledge", order=130,
        caption="Each name stands where a linear fit, made without it, reads its place off the state of its name. The "
        "layer is the one with the highest held-out R², so read that number with the profiles above.",
        panels=tuple(panels), labels=tuple(graph.label(node) for node in range(graph.num_nodes)), groups=graph.groups,
        edges=tuple((int(u), int(v)) for u, v in graph.edges), show_edges=False, x_label=across, y_label=up,
    )]  # fmt: skip


def _pairs(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple((float(x), float(y)) for x, y in rows)
