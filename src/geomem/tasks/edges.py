"""Edges as sequences: `[EDGE] u v`, loss on v alone (arXiv 2510.26745)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE
from geomem.contexts.matrix import ContextMatrix
from geomem.decoding.evaluating import evaluating
from geomem.tasks.scoring import rows_per_chunk, score_contexts
from geomem.tasks.streams import ContextStream, SequenceStream, Stream
from geomem.tasks.vocabulary import Vocabulary


class Edges:
    """Directed pairs (M, 2) int64, stated after a prefix.

    mark, pause: whether `[EDGE]` stands before the source, and `[PAUSE]` after it.
    as_examples: one hard-labelled example per pair in place of distinct contexts with soft labels.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        pairs: Tensor,
        *,
        mark: bool = True,
        pause: bool = False,
        as_examples: bool = False,
    ) -> None:
        self.vocabulary, self.pairs = vocabulary, pairs
        self._mark, self._pause, self._as_examples = mark, pause, as_examples
        self.matrix = ContextMatrix.from_pairs(self.prefix(pairs[:, 0]), pairs[:, 1], vocabulary.size)
        self.floor = float(self.matrix.entropy())
        """Mean next-node entropy over edge examples in nats: no model's loss can be lower."""

    def prefix(self, nodes: Tensor) -> Tensor:
        """Return the (B, T) tokens that stand before the neighbours of nodes (B,)."""
        parts = [nodes]
        if self._mark:
            parts.insert(0, torch.full_like(nodes, self.vocabulary.edge))
        if self._pause:
            parts.append(torch.full_like(nodes, self.vocabulary.pause))
        return torch.stack(parts, dim=1)

    def stream(self) -> Stream:
        """Return the training stream."""
        if not self._as_examples:
            return ContextStream(self.matrix)
        tokens = torch.cat([self.prefix(self.pairs[:, 0]), self.pairs[:, 1:]], dim=1)
        labels = torch.full_like(tokens, IGNORE)
        labels[:, -1] = tokens[:, -1]
        return SequenceStream(tokens, labels)

    def chance(self) -> dict[str, float]:
        """What a guesser gets who picks any node with equal probability."""
        loss = float(torch.tensor(self.vocabulary.num_nodes, dtype=torch.float64).log())
        accuracy = 1.0 / self.vocabulary.num_nodes
        return {"edges/accuracy": accuracy, "edges/loss": loss, "edges/excess_loss": loss - self.floor}

    def score(self, model: nn.Module, device: torch.device | str) -> dict[str, float]:
        """Return arg-max accuracy over edge examples, mean loss in nats, and the loss above its floor.

        A node with several neighbours has one arg-max, so accuracy is bounded by the mean of the largest neighbour
        probability; top-degree recovery is the measure without that bound.
        """
        loss, accuracy = score_contexts(model, self.matrix, self.vocabulary.size, device)
        return {"edges/accuracy": accuracy, "edges/loss": loss, "edges/excess_loss": loss - self.floor}

    def logits(
        self, model: nn.Module, device: torch.device | str, nodes: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (nodes (B,), logits (B, V) float32 on `device`) in chunks of bounded memory; all nodes by default."""
        wanted = torch.arange(self.vocabulary.num_nodes) if nodes is None else nodes
        with evaluating(model):
            for part in wanted.split(rows_per_chunk(1, self.vocabulary.size)):
                tokens = self.prefix(part).to(device)
                yield part, model(input_ids=tokens, logits_to_keep=1).logits[:, -1, : self.vocabulary.size].float()
