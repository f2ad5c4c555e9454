"""A fresh path-star in every prompt, and the path from its root to a goal (arXiv 2403.06963, section 4).

    a b | c d | ... | y z / root goal   root v1 ... goal

Edges are stated parent first, in shuffled order; loss on everything after the goal.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.counter import random_orders
from geomem.decoding.reader import OneShot, Reader
from geomem.seeding import stream_seed
from geomem.tasks.path_metrics import path_chance, path_metrics
from geomem.tasks.paths import first_hop_column, path_targets
from geomem.tasks.scoring import predict
from geomem.tasks.task import Evidence, Split, Stream, Task, Vocabulary

if TYPE_CHECKING:
    from geomem.tasks.specs import InContextPathSpec


class InContextStream:
    """Prompts that are made when asked for: example i is a function of (seed, i) alone."""

    def __init__(self, spec: InContextPathSpec, size: int, seed: int) -> None:
        self.spec, self.size, self._seed = spec, size, seed
        self._vocabulary = Vocabulary(spec.names)

    def batch(self, index: Tensor) -> Batch:
        """Return the prompts `index` (B,) int64 with their answers, on the device of `index`."""
        prefixes, targets = self.examples(index)
        shown = torch.full_like(targets, self._vocabulary.filler) if self.spec.teacherless else targets
        labels = torch.cat([torch.full_like(prefixes, IGNORE), targets], dim=1)
        tokens = torch.cat([prefixes, shown], dim=1)
        return Batch(tokens, labels, columns=targets.shape[1], index=index)

    def full(self) -> Batch:
        """Return all prompts."""
        return self.batch(torch.arange(self.size))

    def to(self, device: torch.device | str) -> InContextStream:
        """Return the stream itself: it holds no data, and works wherever `index` is."""
        return self

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return prompts (B, 3 E + 2), E = arms * (length - 1), and the tokens to answer (B, l), for `index` (B,)."""
        paths = self.paths(index)
        parents, children = paths[:, :, :-1].flatten(1), paths[:, :, 1:].flatten(1)
        ends = torch.full_like(parents, self._vocabulary.bar)
        order = random_orders(stream_seed(self._seed, "edges"), index, parents.shape[1])
        edges = torch.stack([parents.gather(1, order), children.gather(1, order), ends], dim=2).flatten(1)
        edges[:, -1] = self._vocabulary.slash
        # Names are drawn at random and edges shuffled, so that taking arm 0 as the asked one gives nothing away.
        asked = paths[:, 0]
        return torch.cat([edges, asked[:, :1], asked[:, -1:]], dim=1), path_targets(asked, self.spec.target)

    def paths(self, index: Tensor) -> Tensor:
        """Return the arms (B, arms, length) of each prompt's star, root first; the first arm holds the goal."""
        arms, length = self.spec.arms, self.spec.length
        nodes = random_orders(stream_seed(self._seed, "nodes"), index, self.spec.names)[:, : self.spec.star_nodes]
        roots = nodes[:, :1, None].expand(-1, arms, 1)
        return torch.cat([roots, nodes[:, 1:].unflatten(1, (arms, length - 1))], dim=2)


class InContextPath(Task):
    """Path-finding in a star that the prompt lists. Streams: "paths"."""

    def __init__(self, spec: InContextPathSpec, seed: int) -> None:
        self.name = spec.kind
        self.vocabulary = self.nodes = Vocabulary(spec.names)
        self.decision = first_hop_column(spec.length, spec.target)
        self._spec, self._seed = spec, seed
        # One of `arms` answers at each position but two: the root, and the goal, which the prompt names.
        known = [0, spec.length - 1]
        answers = [1 if k in known else spec.arms for k in range(spec.length)]
        chance = path_chance(answers, spec.arms if spec.length > 2 else 1, self.decision)
        self.chance = {f"paths/held_out/{name}": value for name, value in chance.items()}

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the prompts of a split; the two splits are seeded apart."""
        return {"paths": self._stream(split)}

    def default_mix(self) -> dict[str, float]:
        """Paths only."""
        return {"paths": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return paths/held_out/... on fresh graphs (see `path_metrics`)."""
        if parts is not None and "paths" not in parts:
            return {}
        prefixes, targets = self._stream("held_out").examples(torch.arange(self._spec.test_size))
        predictions = predict(
            model,
            prefixes,
            targets,
            vocabulary=self.vocabulary.size,
            decision=self.decision,
            reader=OneShot(self.nodes.filler, self.vocabulary.size) if self._spec.teacherless else reader,
            device=device,
        )
        numbers = path_metrics(predictions, targets, self.decision, None)
        return {f"paths/held_out/{name}": value for name, value in numbers.items()}

    def evidence(self) -> dict[str, Evidence]:
        """Return num_nodes; there is no one graph to measure."""
        return {"num_nodes": self.nodes.num_nodes}

    def _stream(self, split: Split) -> InContextStream:
        size = self._spec.train_size if split == "train" else self._spec.test_size
        return InContextStream(self._spec, size, stream_seed(self._seed, "prompts", split))
