"""What there is to know about a graph at a glance: sizes, degrees, components, diameter, spectrum."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg as sparse_linalg
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from geomem.graphs.graph import Graph
from geomem.graphs.matrices import components, degrees, hop_distances, nearest_source_hops, neg_laplacian

EXACT_NODES = 2000
"""Up to this many nodes the diameter and the spectrum are exact."""

_SWEEPS = 4
_RESTARTS = 100


class Description(BaseModel):
    """A graph described; `model_dump_json()` gives it to a program, `rows()` to a reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    nodes: int
    edges: int
    """Undirected edges, self-edges counted."""
    self_edges: int
    degree_min: int
    degree_mean: float
    degree_max: int
    degree_histogram: dict[int, int]
    """Degree to number of nodes."""
    components: int
    component_sizes: dict[int, int]
    """Number of nodes to number of components of that size, largest first."""
    isolated: int
    """Nodes that no edge reaches."""
    bipartite: bool
    diameter: int
    """The most hops between two nodes that are connected."""
    diameter_exact: bool
    """False: a lower bound found by sweeps through the largest component."""
    eigenvalues: tuple[float, ...]
    """Largest eigenvalues of -L, descending; one trivial eigenvector for each component (arXiv 2510.26745)."""
    eigenvalues_exact: bool
    """False: found by Lanczos iteration to about 1e-4, which may miss copies of a repeated eigenvalue."""
    trivial_vectors: int
    """Number of trivial directions: one for each component."""
    root: str | None
    paths: tuple[int, int] | None
    """Number of paths and nodes on each, or None."""
    coordinates: str | None
    groups: int | None

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, value) lines of text for a table."""
        sizes = ", ".join(
            f"{size} nodes" if n == 1 else f"{n} x {size} nodes" for size, n in self.component_sizes.items()
        )
        histogram = ", ".join(f"{degree}: {n}" for degree, n in self.degree_histogram.items())
        bound = "" if self.diameter_exact else "at least "
        spectrum = ", ".join(f"{value:.4f}" for value in self.eigenvalues) or "not found"
        rows = [
            ("graph", self.name),
            ("nodes", str(self.nodes)),
            ("edges", f"{self.edges}" + (f", {self.self_edges} of them self-edges" if self.self_edges else "")),
            ("degree", f"{self.degree_min} to {self.degree_max}, mean {self.degree_mean:.3g}"),
            ("degrees: nodes", _shorten(histogram)),
            ("components", f"{self.components}: {_shorten(sizes)}"),
            ("isolated nodes", str(self.isolated)),
            ("bipartite", "yes" if self.bipartite else "no"),
            ("diameter", f"{bound}{self.diameter}"),
            ("top eigenvalues of -L", spectrum + ("" if self.eigenvalues_exact else " (Lanczos, about 1e-4)")),
        ]
        known = {"root": self.root, "coordinates": self.coordinates, "groups": self.groups}
        rows += [(key, str(value)) for key, value in known.items() if value is not None]
        return rows + ([("paths", f"{self.paths[0]} of {self.paths[1]} nodes")] if self.paths else [])


def describe(graph: Graph, eigenvalues: int = 10) -> Description:
    """Describe a graph; `eigenvalues` says how many of the largest of -L to find.

    Exact up to `EXACT_NODES` nodes; above, the diameter is a lower bound and eigenvalues come from Lanczos iteration.
    """
    member, degree = components(graph), degrees(graph)
    sizes = np.bincount(member)
    exact = graph.num_nodes <= EXACT_NODES
    values, values_exact = top_eigenvalues(graph, eigenvalues)
    return Description(
        name=graph.name,
        nodes=graph.num_nodes,
        edges=len(graph.edges),
        self_edges=int((graph.edges[:, 0] == graph.edges[:, 1]).sum()),
        degree_min=int(degree.min()),
        degree_mean=float(degree.mean()),
        degree_max=int(degree.max()),
        degree_histogram=_histogram(degree),
        components=len(sizes),
        component_sizes=dict(reversed(_histogram(sizes).items())),
        isolated=int((degree == 0).sum()),
        bipartite=is_bipartite(graph),
        diameter=exact_diameter(graph) if exact else diameter_bound(graph),
        diameter_exact=exact,
        eigenvalues=tuple(values.tolist()),
        eigenvalues_exact=values_exact,
        trivial_vectors=len(sizes),
        root=None if graph.root is None else graph.label(graph.root),
        paths=None if graph.paths is None else (graph.paths.shape[0], graph.paths.shape[1]),
        coordinates=None if graph.coordinates is None else graph.coordinate_kind,
        groups=None if graph.groups is None else len(set(graph.groups)),
    )


def is_bipartite(graph: Graph) -> bool:
    """Tell whether two colours are enough: every edge joins odd to even hops from the start of its component."""
    _, starts = np.unique(components(graph), return_index=True)
    odd = nearest_source_hops(graph, starts.astype(np.int64)) % 2
    return bool((odd[graph.edges[:, 0]] != odd[graph.edges[:, 1]]).all())


def exact_diameter(graph: Graph) -> int:
    """Return the most hops between two connected nodes, from all pairs; memory grows as N^2."""
    return int(hop_distances(graph, np.arange(graph.num_nodes)).max())


def diameter_bound(graph: Graph) -> int:
    """Return a lower bound on the diameter: sweep to the farthest node again and again in the largest component.

    Exact on trees (Magnien, Latapy and Habib, arXiv 0904.2728).
    """
    member = components(graph)
    node, best = int((member == np.bincount(member).argmax()).argmax()), 0
    for _ in range(_SWEEPS):
        hops = hop_distances(graph, [node])[0]
        node, best = int(hops.argmax()), max(best, int(hops.max()))
    return best


def top_eigenvalues(graph: Graph, count: int) -> tuple[NDArray[np.float64], bool]:
    """Return the `count` largest eigenvalues of -L, descending, and whether they are exact.

    Dense up to `EXACT_NODES` nodes, Lanczos above; there, fewer than `count` when the iteration does not settle.
    """
    matrix = neg_laplacian(graph)
    size = graph.num_nodes
    wanted = min(count, size)
    if size <= EXACT_NODES:
        kept = (size - wanted, size - 1)
        return scipy.linalg.eigh(matrix.toarray(), eigvals_only=True, subset_by_index=kept)[::-1], True
    # Lanczos stops at a relative error; away from 0, where the interesting eigenvalues lie, that is an absolute one.
    shifted = matrix + 2.0 * scipy.sparse.eye_array(size)
    start = np.random.default_rng(0).standard_normal(size)
    try:
        values = sparse_linalg.eigsh(
            shifted,
            k=wanted,
            which="LA",
            v0=start,
            ncv=min(size, max(4 * wanted, 40)),
            maxiter=_RESTARTS,
            tol=1e-4,
            return_eigenvectors=False,
        )
    except sparse_linalg.ArpackNoConvergence as error:
        values = error.eigenvalues
    return np.sort(np.asarray(values, dtype=np.float64))[::-1] - 2.0, False


def _histogram(values: NDArray[np.int64]) -> dict[int, int]:
    kinds, counts = np.unique(values, return_counts=True)
    return dict(zip(kinds.tolist(), counts.tolist(), strict=True))


def _shorten(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[:limit].rpartition(",")[0] + ", ..."
