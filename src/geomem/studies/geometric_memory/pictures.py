"""The study's exhibits: numbers for curves, heat maps, bars and maps. The report draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geomem.errors import RunError
from geomem.geometry.cosine import adjacency_map, node_cosine_map, star_order
from geomem.geometry.graph_spectrum import release_bars
from geomem.geometry.paths import leaf_first_hop_distances
from geomem.geometry.pictures import pca, umap_layout
from geomem.geometry.procrustes import held_out_map, latitude_longitude, true_coordinates
from geomem.graphs.graph import Graph
from geomem.runs.directory import Run
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Exhibit,
    Heatmap,
    HeatmapPanel,
    Map,
    MapPanel,
    Matrix,
)
from geomem.studies.evidence import Evidence
from geomem.training.spec import TrainSpec

Array = NDArray[Any]
_SHOWN_ARMS = 8
"""As many as there are colours that everyone can tell apart."""


# -- country borders -------------------------------------------------------------------------------------------------


def country_map(evidence: Evidence) -> Sequence[Exhibit]:
    """Each country where a linear fit that never saw it reads its place off its embedding; trained beside frozen."""
    seed = evidence.seeds("trained")[0]
    graph = _graph(evidence, "trained", seed)
    if graph.coordinates is None:
        raise RunError("the country graph has no coordinates")
    places = torch.from_numpy(graph.coordinates)
    truth = graph.coordinates[:, ::-1]
    panels: list[MapPanel] = []
    for condition, title in (("trained", "embeddings trained"), ("frozen", "embeddings frozen: a look-up table")):
        table = torch.from_numpy(evidence.arrays(condition, seed)["embeddings"])
        fit = held_out_map(table, true_coordinates(places, "sphere"))
        positions = latitude_longitude(fit.predicted).numpy()[:, ::-1]
        recovered = evidence.measured(condition, "top-degree-recovery/recovery")[seed]
        note = f"{recovered:.0%} of the borders known, held-out R² {max(fit.r2, 0.0):.2f}"
        panels.append(MapPanel(title=title, positions=_rows(positions), truth=_rows(truth), note=note))
    caption = (
        "A Transformer was told facts such as “Mongolia borders China”, and nothing else. Each country stands where a "
        "linear fit, made without that country, reads its longitude and latitude off its embedding. On the right the "
        "same network with its embeddings frozen at random: it knows the same borders and has no map."
    )
    return [
        Map(
            id="country-map",
            title="A map nobody drew",
            caption=caption,
            experiment=evidence.directory.name,
            hero=True,
            panels=tuple(panels),
            labels=tuple(graph.label(node) for node in range(graph.num_nodes)),
            groups=graph.groups,
            edges=_nodes(graph.edges),
            x_label="longitude, read off",
            y_label="latitude, read off",
        )
    ]


# -- path-star -------------------------------------------------------------------------------------------------------


def leaf_heat_map(evidence: Evidence) -> Sequence[Exhibit]:
    """Distances between leaves and first hops of held-out paths, trained beside frozen."""
    seed = evidence.seeds("trained")[0]
    panels: list[HeatmapPanel] = []
    for condition in ("trained", "frozen"):
        arrays = evidence.arrays(condition, seed)
        paths = torch.from_numpy(arrays["paths"])[torch.from_numpy(arrays["held_out"]).bool()][:60]
        distances = leaf_first_hop_distances(torch.from_numpy(arrays["embeddings"]), paths)
        panels.append(HeatmapPanel(title=f"embeddings {condition}", matrix=_rows(distances)))
    name = evidence.directory.name
    return [
        Heatmap(
            id=f"{name}-heat-map",
            title="Does a leaf lie beside its own first hop?",
            experiment=name,
            order=2,
            caption="Cosine distance between the leaf of a held-out path (row) and the first hop of another (column). "
            "A dark diagonal means that the two ends of a path lie together although they never occurred together.",
            panels=tuple(panels),
            x_label="first hop of path",
            y_label="leaf of path",
            value_label="1 − cosine",
            vmin=0.0,
            vmax=1.2,
        )
    ]


def star_map(evidence: Evidence) -> Sequence[Exhibit]:
    """An embedding map of the whole star, trained beside frozen."""
    seed = evidence.seeds("trained")[0]
    graph = _graph(evidence, "trained", seed)
    if graph.paths is None:
        return []
    inner = np.array([node for node in range(graph.num_nodes) if node != graph.root])
    panels: list[MapPanel] = []
    for condition in ("trained", "frozen"):
        table = torch.from_numpy(evidence.arrays(condition, seed)["embeddings"][inner])
        positions, how = _flat(table, seed)
        panels.append(MapPanel(title=f"embeddings {condition}", positions=_rows(positions), note=how))
    number = {int(node): place for place, node in enumerate(inner)}
    rows = [[number[int(node)] for node in path if int(node) in number] for path in graph.paths]
    arm = {node: index for index, row in enumerate(rows) for node in row}
    where = {node: step for row in rows for step, node in enumerate(row)}
    groups = tuple(f"path {arm[node] + 1}" if arm[node] < _SHOWN_ARMS else "" for node in range(len(inner)))
    labels = tuple(f"path {arm[node] + 1}, hop {where[node] + 1}" for node in range(len(inner)))
    edges = [(number[int(u)], number[int(v)]) for u, v in graph.edges if int(u) in number and int(v) in number]
    name = evidence.directory.name
    return [
        Map(
            id=f"{name}-map",
            title="Every node of the star, placed by its embedding",
            experiment=name,
            order=3,
            caption="All nodes but the root; some paths are coloured. Point at a node to see its neighbours and path.",
            panels=tuple(panels),
            labels=labels,
            groups=groups,
            edges=tuple(edges),
            paths=tuple(map(tuple, rows)),
            show_edges=False,
        )
    ]


def _flat(table: torch.Tensor, seed: int) -> tuple[Array, str]:
    """Place in the plane by UMAP where it is installed, else by the first two principal components."""
    from geomem.errors import InputError

    try:
        return umap_layout(table, seed=seed).numpy(), "UMAP, 15 neighbours, distance 0.1"
    except InputError:
        return pca(table, 2).points.numpy(), "first two principal components"


# -- tiny graphs -----------------------------------------------------------------------------------------------------


def tiny_pictures(models: dict[str, str]) -> Callable[[Evidence], Sequence[Exhibit]]:
    """Return, for every tiny graph: embedding maps, cosine heat maps and eigen-projection bars of the given models."""

    def draw(evidence: Evidence) -> Sequence[Exhibit]:
        graphs = list(dict.fromkeys(name.partition("-")[0] for name in evidence.conditions))
        order = ["star", "grid", "cycle", "irregular"]
        made: list[Exhibit] = []
        for place, graph in enumerate(sorted(graphs, key=lambda one: order.index(one) if one in order else len(order))):
            shown = {
                f"{graph}-{model}": words
                for model, words in models.items()
                if f"{graph}-{model}" in evidence.conditions
            }
            if shown:
                made += _tiny_graph(evidence, graph, shown, 10 * place)
        return made

    return draw


def _tiny_graph(evidence: Evidence, graph: str, shown: dict[str, str], order: int) -> Sequence[Exhibit]:
    name = evidence.directory.name
    seeds = {condition: evidence.seeds(condition)[0] for condition in shown}
    first = next(iter(shown))
    known = _graph(evidence, first, seeds[first])
    tables = {one: torch.from_numpy(evidence.arrays(one, seed)["embeddings"]) for one, seed in seeds.items()}
    directed = {one: torch.from_numpy(evidence.arrays(one, seed)["edges"]) for one, seed in seeds.items()}
    labels = tuple(known.label(node) for node in range(known.num_nodes))
    maps = tuple(MapPanel(title=words, positions=_rows(_plane(tables[one]))) for one, words in shown.items())
    sequence = _order(known)
    rows = tuple(labels[int(node)] for node in sequence)
    heat = [HeatmapPanel(title="who borders whom", matrix=_rows(adjacency_map(directed[first], sequence)))]
    heat += [
        HeatmapPanel(title=words, matrix=_rows(node_cosine_map(tables[one], sequence))) for one, words in shown.items()
    ]
    bars = [_bar_panel(words, tables[one], directed[one]) for one, words in shown.items()]
    return [
        Map(
            id=f"{name}-{graph}-map",
            title=f"The {graph}, drawn by each model",
            experiment=name,
            order=order,
            panels=maps,
            caption="First two principal components of the node embeddings; lines join neighbours.",
            labels=labels,
            groups=known.groups,
            edges=_nodes(known.edges),
            paths=() if known.paths is None else _nodes(known.paths),
        ),
        Heatmap(
            id=f"{name}-{graph}-heat-map",
            title=f"Cosine of every pair of nodes: the {graph}",
            experiment=name,
            order=order + 1,
            caption="A look-up memory shows at most the edges themselves; a map shows nearness fading with distance.",
            panels=tuple(heat),
            row_names=rows,
            col_names=rows,
            value_label="cosine",
            vmin=-1.0,
            vmax=1.0,
            diverging=True,
        ),
        Bars(
            id=f"{name}-{graph}-bars",
            title=f"Which eigen-directions of the {graph} the embeddings use",
            experiment=name,
            order=order + 2,
            caption="Eigenvectors of the graph from smooth (left) to alternating (right). A map uses a few on "
            "the left; a look-up memory uses all alike; a zig-zag uses the right end.",
            panels=tuple(bars),
            x_label="eigenvector",
            y_label="relative to the largest",
        ),
    ]


def _bar_panel(title: str, table: torch.Tensor, edges: torch.Tensor) -> BarPanel:
    found = release_bars(table, edges)
    categories = tuple(str(index + 2) for index in range(len(found.projections)))
    return BarPanel(
        title=title,
        categories=categories,
        series=(
            BarSeries(name="eigenvalue λ", values=tuple(found.eigenvalues.tolist())),
            BarSeries(name="projection p", values=tuple(found.projections.tolist())),
        ),
    )


def _rows(matrix: Any) -> Matrix:
    """Return a matrix, array or tensor, as an exhibit holds it."""
    return tuple(tuple(float(value) for value in row) for row in matrix.tolist())


def _nodes(lists: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(node) for node in row) for row in lists.tolist())


def _plane(table: torch.Tensor) -> torch.Tensor:
    return pca(table, 2).points


def _order(graph: Graph) -> torch.Tensor:
    return torch.arange(graph.num_nodes) if graph.paths is None else star_order(torch.from_numpy(graph.paths))


def _graph(evidence: Evidence, condition: str, seed: int) -> Graph:
    """Rebuild the graph of a cell from its spec: graphs are functions of their settings and a seed."""
    run = Run.open(evidence.cells[(condition, seed)])
    task: Any = TrainSpec.model_validate(run.info.spec).task
    return task.graph.build(seed)
