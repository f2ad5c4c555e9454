"""A fresh path-star in every prompt, and the path from its root to a goal (arXiv 2403.06963, section 4).

    a b | c d | ... | y z / root goal =   root v1 ... goal

Edges are stated parent first, in shuffled order; loss on everything after the `=`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.counter import random_orders, random_samples
from geomem.decoding.reader import OneShot, Reader
from geomem.errors import InputError
from geomem.seeding import stream_seed
from geomem.tasks.path_metrics import path_chance, path_metrics
from geomem.tasks.paths import first_hop_column, path_targets
from geomem.tasks.scoring import Predictions, predict
from geomem.tasks.star_metrics import star_chance, star_metrics
from geomem.tasks.streams import ENDLESS
from geomem.tasks.task import Evidence, Split, Stream, Task, Vocabulary
from geomem.tasks.vocabulary import PromptVocabulary

if TYPE_CHECKING:
    from geomem.tasks.specs import InContextPathSpec


@dataclass(frozen=True)
class Stars:
    """B path-stars with their prompts.

    prompts: (B, P) int64. arms: (B, d, l) int64, the nodes of each arm, root first; arm 0 leads to the goal.
    order: (B, E) int64, which edge, arm after arm, stands at each place of the prompt.
    """

    prompts: Tensor
    arms: Tensor
    order: Tensor

    @property
    def places(self) -> Tensor:
        """(B, d) int64, where among the edges of the prompt the first edge of each arm stands."""
        return self.order.argsort(1)[:, :: self.arms.shape[2] - 1]


class InContextStream:
    """Prompts that are made when asked for: example i is a function of (seed, i) alone."""

    def __init__(self, spec: InContextPathSpec, size: int, seed: int) -> None:
        self.spec, self.size, self._seed = spec, size, seed
        self._vocabulary = star_vocabulary(spec)

    def batch(self, index: Tensor) -> Batch:
        """Return the prompts `index` (B,) int64 with their answers, on the device of `index`."""
        tokens, arms, _ = self._written(index, self.spec.length)
        targets, length = path_targets(arms[:, 0], self.spec.target), self.spec.length
        labels = torch.full_like(tokens, IGNORE)
        labels[:, -length:] = targets
        tokens[:, -length:] = self._vocabulary.filler if self.spec.teacherless else targets
        return Batch(tokens, labels, columns=length, index=index)

    def full(self) -> Batch:
        """Return all prompts. Raises InputError when there is no end of them."""
        if self.size == ENDLESS:
            raise InputError(f"task {self.spec.kind}: there is no end of fresh prompts; give it a train_size")
        return self.batch(torch.arange(self.size))

    def to(self, device: torch.device | str) -> InContextStream:
        """Return the stream itself: it holds no data, and works wherever `index` is."""
        return self

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return prompts (B, P) and the tokens to answer (B, l), for `index` (B,).

        With E = arms * (length - 1) edges, P is 3 E + 3 with the `=`, else 3 E + 2.
        """
        stars = self.stars(index)
        return stars.prompts, path_targets(stars.arms[:, 0], self.spec.target)

    def stars(self, index: Tensor) -> Stars:
        """Return the stars `index` (B,) with their prompts."""
        return Stars(*self._written(index, 0))

    def _written(self, index: Tensor, room: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return prompts with `room` more columns behind them, their stars' arms, and the order of the edges."""
        words, arms = self._vocabulary, self._arms(index)
        count, edges = len(arms), self.spec.arms * (self.spec.length - 1)
        written = arms.new_full((count, self.spec.arms, self.spec.length - 1, 3), words.bar)
        written[..., 0], written[..., 1] = arms[:, :, :-1], arms[:, :, 1:]
        order = random_orders(stream_seed(self._seed, "edges"), index, edges)
        # An edge is moved as a whole, three tokens in a row.
        rows = torch.arange(0, count * edges, edges, device=index.device)[:, None]
        shuffled = written.view(-1, 3).index_select(0, (order + rows).flatten())
        # Names are drawn at random and edges shuffled, so that taking arm 0 as the asked one gives nothing away.
        query = [arms[:, 0, 0], arms[:, 0, -1]]
        if isinstance(words, PromptVocabulary):
            query.append(torch.full_like(query[0], words.equals))
        tokens = arms.new_empty(count, 3 * edges + len(query) + room)
        tokens[:, : 3 * edges] = shuffled.view(count, 3 * edges)
        tokens[:, 3 * edges - 1] = words.slash
        for place, column in enumerate(query, 3 * edges):
            tokens[:, place] = column
        return tokens, arms, order

    def _arms(self, index: Tensor) -> Tensor:
        spec, seed = self.spec, stream_seed(self._seed, "nodes")
        nodes = random_samples(seed, index, spec.names, spec.star_nodes)
        arms = nodes.new_empty(len(nodes), spec.arms, spec.length)
        arms[:, :, 0] = nodes[:, :1]
        arms[:, :, 1:] = nodes[:, 1:].unflatten(1, (spec.arms, spec.length - 1))
        return arms


class InContextPath(Task):
    """Path-finding in a star that the prompt lists. Streams: "paths"."""

    def __init__(self, spec: InContextPathSpec, seed: int) -> None:
        self.name = spec.kind
        self.vocabulary = self.nodes = star_vocabulary(spec)
        self.decision = first_hop_column(spec.length, spec.target)
        self._spec, self._seed = spec, seed
        # One of `arms` answers at each position but two: the root, and the goal, which the prompt names.
        known = [0, spec.length - 1]
        answers = [1 if k in known else spec.arms for k in range(spec.length)]
        chance = path_chance(answers, spec.arms if spec.length > 2 else 1, self.decision)
        chance |= star_chance(spec.arms, spec.length)
        self.chance = {f"paths/{split}/{name}": value for split in self._splits() for name, value in chance.items()}

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the prompts of a split; the two splits are seeded apart."""
        return {"paths": self.stream(split)}

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
        """Return paths/held_out/... on fresh graphs (see `path_metrics`, `star_metrics`).

        With a finite training set also paths/train/..., on as many of its prompts: what is memorised shows there alone.
        """
        found: dict[str, float] = {}
        if parts is not None and "paths" not in parts:
            return found
        for split in self._splits():
            stars, predictions = self.answers(model, split, device=device, reader=reader)
            targets = path_targets(stars.arms[:, 0], self._spec.target)
            numbers = path_metrics(predictions, targets, self.decision, None)
            numbers |= star_metrics(self.in_order(predictions.free), self.in_order(predictions.forced), stars.arms)
            found |= {f"paths/{split}/{name}": value for name, value in numbers.items()}
        return found

    def answers(
        self,
        model: nn.Module,
        split: Split = "held_out",
        *,
        count: int | None = None,
        device: torch.device | str = "cpu",
        reader: Reader | None = None,
    ) -> tuple[Stars, Predictions]:
        """Return the first `count` stars of a split (default: those scored) and what a model answers to them.

        Predictions are in the order of the target; `in_order` turns them from root to goal.
        """
        stream = self.stream(split)
        size = min(self._spec.test_size if count is None else count, stream.size)
        stars = stream.stars(torch.arange(size))
        predictions = predict(
            model,
            stars.prompts,
            path_targets(stars.arms[:, 0], self._spec.target),
            vocabulary=self.vocabulary.size,
            decision=self.decision,
            reader=OneShot(self.nodes.filler, self.vocabulary.size) if self._spec.teacherless else reader,
            device=device,
        )
        return stars, predictions

    def in_order(self, answers: Tensor) -> Tensor:
        """Return answers (M, l) in the order of the target as paths from the root."""
        return answers.flip(1) if self._spec.target == "reversed" else answers

    def evidence(self) -> dict[str, Evidence]:
        """Return num_nodes; there is no one graph to measure."""
        return {"num_nodes": self.nodes.num_nodes}

    def stream(self, split: Split) -> InContextStream:
        """Return the prompts of a split."""
        train = ENDLESS if self._spec.train_size is None else self._spec.train_size
        size = train if split == "train" else self._spec.test_size
        return InContextStream(self._spec, size, stream_seed(self._seed, "prompts", split))

    def _splits(self) -> tuple[Split, ...]:
        return ("held_out",) if self._spec.train_size is None else ("train", "held_out")


def star_vocabulary(spec: InContextPathSpec) -> Vocabulary | PromptVocabulary:
    """Return the tokens of a layout."""
    return PromptVocabulary(spec.names) if spec.layout == "prompt" else Vocabulary(spec.names)
