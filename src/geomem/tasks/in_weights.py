"""One graph stored in the weights: its edges, and paths through it (arXiv 2510.26745, section 2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from geomem.decoding.reader import OneShot, Reader
from geomem.errors import InputError, unknown_name
from geomem.graphs.graph import Graph
from geomem.graphs.paths import paths_from_root
from geomem.tasks.edges import Edges
from geomem.tasks.path_metrics import EdgeSet, path_chance, path_metrics
from geomem.tasks.paths import first_hop_column, held_out_paths, path_prefixes, path_targets, target_stream
from geomem.tasks.scoring import predict
from geomem.tasks.task import Evidence, Split, Stream, Task, Vocabulary

if TYPE_CHECKING:
    from geomem.tasks.specs import InWeightsEdgesSpec, InWeightsPathSpec


class InWeightsEdges(Task):
    """The edges of one graph, nothing else. Streams: "edges"."""

    def __init__(self, spec: InWeightsEdgesSpec | InWeightsPathSpec, seed: int) -> None:
        spec_graph: Any = spec.graph
        graph: Graph = spec_graph.build(seed)
        self.name, self.graph = spec.kind, graph
        self.vocabulary = self.nodes = Vocabulary(graph.num_nodes, graph.labels)
        self.edges = Edges(
            self.nodes,
            torch.from_numpy(graph.directed_edges(spec.directions, self_edges=spec.self_edges)),
            mark=spec.edge_token,
            pause=spec.edge_pause,
            as_examples=spec.edge_form == "examples",
        )
        self.chance = self.edges.chance()

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the edges; all of them are always trained on, so nothing is held out."""
        return {"edges": self.edges.stream()} if split == "train" else {}

    def default_mix(self) -> dict[str, float]:
        """Edges only."""
        return {"edges": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return edges/accuracy, edges/loss and edges/excess_loss (see `Edges.score`), whatever the reader."""
        return self.edges.score(model, device) if parts is None or "edges" in parts else {}

    def edge_prefix_tokens(self) -> Tensor:
        """Return the (N, T) int64 prefix that stands before the neighbours of each node."""
        return self.edges.prefix(torch.arange(self.graph.num_nodes))

    def edge_logits(
        self, model: nn.Module, device: torch.device | str = "cpu", nodes: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (nodes, logits after each one's edge prefix) in chunks of bounded memory (see `Edges.logits`)."""
        return self.edges.logits(model, device, nodes)

    def evidence(self) -> dict[str, Evidence]:
        """Return edges, graph_edges, num_nodes, and coordinates with coordinate_kind and root where known."""
        known: dict[str, Evidence] = {
            "edges": self.edges.pairs,
            "graph_edges": torch.from_numpy(self.graph.edges),
            "num_nodes": self.graph.num_nodes,
        }
        if self.graph.root is not None:
            known["root"] = self.graph.root
        if self.graph.coordinates is not None:
            known |= {
                "coordinates": torch.from_numpy(self.graph.coordinates),
                "coordinate_kind": self.graph.coordinate_kind,
            }
        return known


class InWeightsPath(InWeightsEdges):
    """The edges of one graph, and from a leaf the path to it, for a share of the leaves. Streams: "edges", "paths"."""

    def __init__(self, spec: InWeightsPathSpec, seed: int) -> None:
        super().__init__(spec, seed)
        self._spec = spec
        self.paths = _paths(self.graph, spec)
        self.held_out = held_out_paths(self.paths, spec.split, spec.train_share, seed)
        self.prefixes = path_prefixes(self.nodes, self.paths, pauses=spec.pauses, start_node=spec.start_node)
        self.targets = path_targets(self.paths, spec.target)
        self.decision = first_hop_column(self.paths.shape[1], spec.target)
        self._edge_set = EdgeSet(torch.from_numpy(self.graph.edges), self.graph.num_nodes)
        self.chance = self.chance | self._path_chance()

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the edges and the training paths, or the held-out paths."""
        rows = self.held_out if split == "held_out" else ~self.held_out
        if not bool(rows.any()):
            return {}
        hide, filler = self._spec.teacherless, self.nodes.filler
        paths = target_stream(self.prefixes[rows], self.targets[rows], filler=filler, teacherless=hide)
        return {**super().streams(split), "paths": paths}

    def default_mix(self) -> dict[str, float]:
        """Three quarters edges, one quarter paths by default.

        The share of the path loss decides whether held-out paths are ever found: too large while the edges are still
        being learned, and leaf and answer are memorised as pairs instead.
        """
        return {"edges": 1.0 - self._spec.path_share, "paths": self._spec.path_share}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return the edge scores and paths/train/..., paths/held_out/... (see `path_metrics`)."""
        found = super().score(model, device=device, parts=parts, reader=reader)
        if parts is not None and "paths" not in parts:
            return found
        for split, rows in self._splits():
            targets = self.targets[rows]
            predictions = predict(
                model,
                self.prefixes[rows],
                targets,
                vocabulary=self.vocabulary.size,
                decision=self.decision,
                candidates=self._first_hops(rows) if split == "held_out" else None,
                reader=OneShot(self.nodes.filler, self.vocabulary.size) if self._spec.teacherless else reader,
                device=device,
            )
            numbers = path_metrics(predictions, targets, self.decision, self._edge_set)
            found |= {f"paths/{split}/{name}": value for name, value in numbers.items()}
        return found

    def evidence(self) -> dict[str, Evidence]:
        """Return what `InWeightsEdges.evidence` has, and paths (P, l) with held_out (P,) bool."""
        return {**super().evidence(), "paths": self.paths, "held_out": self.held_out}

    def _splits(self) -> list[tuple[str, Tensor]]:
        splits = [("train", ~self.held_out), ("held_out", self.held_out)]
        return [(name, rows) for name, rows in splits if bool(rows.any())]

    def _first_hops(self, rows: Tensor) -> Tensor:
        return torch.unique(self.paths[rows, 1])

    def _path_chance(self) -> dict[str, float]:
        answers = [len(torch.unique(column)) for column in self.targets.T]
        wholes = len(torch.unique(self.targets, dim=0))
        chance: dict[str, float] = {}
        for split, rows in self._splits():
            candidates = len(self._first_hops(rows)) if split == "held_out" else None
            numbers = path_chance(answers, wholes, self.decision, candidates=candidates, child=self._edge_set.density)
            chance |= {f"paths/{split}/{name}": value for name, value in numbers.items()}
        return chance


def _paths(graph: Graph, spec: InWeightsPathSpec) -> Tensor:
    if spec.path_length is not None:
        return torch.from_numpy(paths_from_root(graph, _node(graph, spec.root), spec.path_length))
    if graph.paths is None:
        raise InputError(
            f"task {spec.kind}: graph '{graph.name}' has no paths of its own; "
            "give root and path_length, and every node that far from the root gets one"
        )
    return torch.from_numpy(graph.paths)


def _node(graph: Graph, root: int | str | None) -> int | None:
    if not isinstance(root, str):
        return root
    names = graph.labels if graph.labels is not None else tuple(map(str, range(graph.num_nodes)))
    if root not in names:
        raise unknown_name("node", root, names)
    return names.index(root)
