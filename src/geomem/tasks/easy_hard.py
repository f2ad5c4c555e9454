"""Targets of three kinds: a rule of the token before, a look-up far back, and noise (arXiv 2510.13879, at our size).

    k2k0 v1v3 k1k3 v0v1   c4 v2  k1 v0  k2 v1  ~ v3  c0 v1 ...

A table states a value for every key; then cues with their targets, on which the loss is. After a cue c the target is a
fixed function of it (easy); after a key it is the key's value in this table (hard); after `~` any value, drawn anew
(noise).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch
from geomem.counter import random_keys, random_orders
from geomem.decoding.reader import Autoregressive, Reader
from geomem.seeding import stream_seed, torch_generator
from geomem.tasks.made import MadeStream, score_labels
from geomem.tasks.packed import PackedTokens
from geomem.tasks.task import Evidence, Split, Stream, Task

if TYPE_CHECKING:
    from geomem.tasks.specs import EasyHardSpec

KINDS = ("easy", "hard", "noise")
"""Names of the numbers that `EasyHardTask.kinds` gives."""


class EasyHardTask(Task):
    """Streams: "items". rule: (cues,) int64, the target after each cue."""

    def __init__(self, spec: EasyHardSpec, seed: int) -> None:
        self.name = spec.kind
        self._spec, self._seed = spec, seed
        self.vocabulary = self.tokens = PackedTokens(spec.keys, spec.values, spec.packed, spec.cues)
        generator = torch_generator(seed, "rule")
        self.rule = torch.randint(spec.values, (spec.cues,), generator=generator)
        found = self.kinds("held_out", torch.arange(spec.test_size)).unique().tolist()
        self._present = [(number, KINDS[number]) for number in found]
        self.chance: dict[str, float] = {}
        for _, kind in self._present:
            guess = self._most_frequent() if kind == "hard" else 1 / spec.values
            self.chance |= {f"{kind}/held_out/accuracy": guess, f"{kind}/held_out/loss": math.log(spec.values)}

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the sequences of a split; the two splits are seeded apart."""
        size = self._spec.train_size if split == "train" else self._spec.test_size
        return {"items": MadeStream(size, lambda index: self.examples(split, index))}

    def default_mix(self) -> dict[str, float]:
        """One stream has the whole loss."""
        return {"items": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return accuracy and loss on held-out targets of each kind there is; on noise none is below log(values)."""
        if parts is not None and "items" not in parts:
            return {}
        index = torch.arange(self._spec.test_size)
        batch, kinds = self.examples("held_out", index), self.kinds("held_out", index)
        hits, losses = score_labels(model, batch, reader or Autoregressive(self.vocabulary.size), device)
        found: dict[str, float] = {}
        for number, kind in self._present:
            found[f"{kind}/held_out/accuracy"] = float(hits[kinds == number].double().mean())
            found[f"{kind}/held_out/loss"] = float(losses[kinds == number].mean())
        return found

    def evidence(self) -> dict[str, Evidence]:
        """Return nothing: every table is fresh."""
        return {}

    def kinds(self, split: Split, index: Tensor) -> Tensor:
        """Return (B, items) int64, the kind of each target: a place in `KINDS`.

        Each item is noise with the chance that the settings name; the others are easy or hard, equally likely.
        """
        bits = self._drawn(split, "kinds", index, self._spec.items)
        place = (bits & (2**53 - 1)).double() / 2**53
        share = self._spec.noise
        return torch.where(place < share, 2, (place < (1 + share) / 2).long())

    def examples(self, split: Split, index: Tensor) -> Batch:
        """Return sequences (B, 2 keys / P + 2 items) for `index` (B,), labels on the targets."""
        spec, tokens, items = self._spec, self.tokens, self._spec.items
        keys = random_orders(stream_seed(self._seed, "keys", split), index, spec.keys)
        values = self._drawn(split, "values", index, spec.keys) % spec.values
        kinds = self.kinds(split, index)
        asked = self._drawn(split, "asked", index, items) % spec.keys
        cue = self._drawn(split, "cues", index, items) % spec.cues
        free = self._drawn(split, "noise", index, items) % spec.values
        rule = self.rule.to(index.device)
        cues = torch.stack([tokens.first_cue + cue, tokens.key(keys.gather(1, asked)),
                            torch.full_like(cue, tokens.noise)])  # fmt: skip
        targets = torch.stack([rule[cue], values.gather(1, asked), free])
        body = torch.stack([cues.gather(0, kinds[None])[0], targets.gather(0, kinds[None])[0]], dim=2).flatten(1)
        table = tokens.table(keys, values)
        sequence = torch.cat([table, body], dim=1)
        columns = torch.arange(table.shape[1] + 1, sequence.shape[1], 2, device=index.device)
        labels = torch.full_like(sequence, IGNORE)
        labels[:, columns] = sequence[:, columns]
        return Batch(sequence, labels, columns=columns, index=index)

    def _drawn(self, split: Split, name: str, index: Tensor, count: int) -> Tensor:
        return random_keys(stream_seed(self._seed, name, split), index, count)

    def _most_frequent(self) -> float:
        """Return how often the most frequent value of a table is right."""
        values = self._drawn("held_out", "values", torch.arange(self._spec.test_size), self._spec.keys)
        values = values % self._spec.values
        counts = (values[:, :, None] == values[:, None, :]).sum(-1)
        return float(counts.amax(1).double().mean()) / self._spec.keys
