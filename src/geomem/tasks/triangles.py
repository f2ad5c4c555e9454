"""Triangle discovery: the sides of a triangle of one graph (arXiv 2504.15266, section 2).

    tri:   ->  u v <sep> v w <sep> w u </a>
    edge:  ->  u v <sep> v u </a>

The graph lies in the weights, stated by examples of both kinds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from geomem.batch import Batch
from geomem.errors import InputError
from geomem.seeding import numpy_generator
from geomem.tasks.entities import EntityVocabulary
from geomem.tasks.open_ended import Objects, OpenEnded
from geomem.tasks.streams import SequenceStream
from geomem.tasks.task import Evidence, Split, Stream
from geomem.tasks.triangle_graph import closed, triangle_graph, triangles, wedges

if TYPE_CHECKING:
    from geomem.tasks.open_ended_specs import TriangleDiscoverySpec


class Triangles(Objects):
    """Triangles of undirected edges (E, 2) on N nodes.

    An example goes round a triangle; a coherent answer may state its sides in any order and direction.
    """

    def __init__(self, edges: Tensor, num_nodes: int) -> None:
        self.edges, self.num_nodes = edges, num_nodes
        self.vocabulary = EntityVocabulary((("v", num_nodes),), ("tri:", "edge:"))
        self.prompt = self.vocabulary.mark("tri:")
        self.choices = (num_nodes, num_nodes, 1) * 3
        self.found = triangles(edges, num_nodes)
        self.count, self.spellings = len(self.found), 6 * 2**3
        self._keys = torch.cat([edges, edges.flip(1)]) @ torch.tensor([num_nodes, 1])

    def coherent(self, answers: Tensor) -> Tensor:
        """Return whether an answer is three edges of the graph, rightly separated and ended, that form a triangle."""
        pairs = answers.unflatten(1, (3, 3))
        end, separator = self.vocabulary.end, self.vocabulary.separator
        written = (pairs[..., 2] == torch.tensor([separator, separator, end], device=answers.device)).all(1)
        ends = pairs[..., :2]
        named = (ends < self.num_nodes).flatten(1).all(1)
        joined = torch.isin(ends[..., 0] * self.num_nodes + ends[..., 1], self._keys.to(answers.device)).all(1)
        nodes = ends.flatten(1).sort(1).values
        one, two, three = nodes[:, 0::2].unbind(1)
        twice = (nodes[:, 0::2] == nodes[:, 1::2]).all(1)
        return written & named & joined & twice & (one < two) & (two < three)

    def canonical(self, answers: Tensor) -> Tensor:
        """Return the nodes (B, 3) of coherent answers, ascending."""
        return answers.unflatten(1, (3, 3))[..., :2].flatten(1).sort(1).values[:, 0::2]

    def written(self, nodes: Tensor) -> Tensor:
        """Return the answers (B, 9) that go round triangles u, v, w (B, 3)."""
        return self._sides(nodes, nodes.roll(-1, 1))

    def written_edges(self, pairs: Tensor) -> Tensor:
        """Return the answers (B, 6) that state edges u, v (B, 2) in both directions."""
        return self._sides(pairs, pairs.flip(1))

    def evidence(self) -> dict[str, Evidence]:
        """Return the graph that lies in the weights."""
        return {**super().evidence(), "edges": torch.cat([self.edges, self.edges.flip(1)]), "graph_edges": self.edges}

    def _sides(self, sources: Tensor, targets: Tensor) -> Tensor:
        answers = sources.new_full((*sources.shape, 3), self.vocabulary.separator)
        answers[:, :, 0], answers[:, :, 1] = sources, targets
        answers[:, -1, 2] = self.vocabulary.end
        return answers.flatten(1)


class TriangleDiscovery(OpenEnded):
    """Triangles of one graph, and its edges. Streams: "triangles", "edges".

    The scores are those of triangles. Some of them are never trained on, and many edges are not either: neither is
    stated unless it is drawn.
    """

    def __init__(self, spec: TriangleDiscoverySpec, seed: int) -> None:
        graph = triangle_graph(spec.nodes, spec.degree, spec.closures, numpy_generator(seed, "data", "graph"))
        objects = Triangles(graph, spec.nodes)
        generator = numpy_generator(seed, "data", "examples")
        held_out = _held_out(objects, spec.held_out_share, generator)
        shown = TriangleDraws(objects, held_out).draw(spec.train_triangles, generator)
        both = torch.cat([graph, graph.flip(1)])
        self.edges = objects.written_edges(both[torch.from_numpy(generator.integers(len(both), size=spec.train_edges))])
        answers: dict[Split, Tensor] = {"train": objects.written(shown), "held_out": objects.written(held_out)}
        super().__init__(spec, seed, "triangles", objects, answers)

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return triangles and edges, or the held-out triangles."""
        triangles = super().streams(split)
        if split == "held_out":
            return triangles
        rows = self._stream(self.objects.vocabulary.mark("edge:"), self.edges)
        return {**triangles, "edges": Later(rows.tokens, rows.labels, len(self.answers["train"]))}

    def default_mix(self) -> dict[str, float]:
        """Share the loss by tokens: it is then what it would be if all examples were shuffled together."""
        tokens = {"triangles": self.answers["train"].numel(), "edges": self.edges.numel()}
        return {name: count / sum(tokens.values()) for name, count in tokens.items()}


class Later(SequenceStream):
    """Examples whose numbers go on where those of another stream end, so that no two have the same."""

    def __init__(self, tokens: Tensor, labels: Tensor, first: int) -> None:
        super().__init__(tokens, labels)
        self.first = first

    def batch(self, index: Tensor) -> Batch:
        """Return the sequences `index` (B,) int64 of this stream."""
        return replace(super().batch(index), index=self.first + index)

    def full(self) -> Batch:
        """Return all sequences."""
        return self.batch(torch.arange(self.size, device=self.tokens.device))

    def to(self, device: torch.device | str) -> Later:
        """Return the same stream on another device."""
        return Later(self.tokens.to(device), self.labels.to(device), self.first)


class TriangleDraws:
    """Triangles u, v, w of a graph, drawn independently, none of those left out (t, 3).

    As the release draws them: a random node, two random neighbours of it, again until these are neighbours. A triangle
    is then the likelier the fewer neighbours its nodes have.
    """

    def __init__(self, objects: Triangles, left_out: Tensor) -> None:
        seen = wedges(objects.edges, objects.num_nodes)
        powers = torch.tensor([objects.num_nodes**2, objects.num_nodes, 1])
        out = torch.isin(seen.nodes.sort(1).values @ powers, left_out @ powers)
        open_to = closed(seen, objects.edges) & ~out
        # Either neighbour comes first.
        self._nodes = torch.cat([seen.nodes[open_to], seen.nodes[open_to][:, [0, 2, 1]]])
        degrees = seen.degrees[self._nodes[:, 0]].double()
        self._reach = (1 / (degrees * (degrees - 1))).cumsum(0)

    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count, 3) triangles."""
        points = torch.from_numpy(generator.random(count)) * self._reach[-1]
        places = torch.searchsorted(self._reach, points, right=True).clamp(max=len(self._nodes) - 1)
        return self._nodes.index_select(0, places)


def _held_out(objects: Triangles, share: float, generator: np.random.Generator) -> Tensor:
    count = round(share * objects.count)
    if not 0 < count < objects.count:
        raise InputError(
            f"held_out_share: the graph has {objects.count} triangles, and {share:g} of them leaves "
            f"{'none held out' if count == 0 else 'none to train on'}"
        )
    return objects.found[torch.from_numpy(generator.permutation(objects.count)[:count])]
