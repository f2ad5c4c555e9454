"""The value of one key out of a table that the prompt states in few positions, and texts to learn looking up from.

    k3k0 v1v1 k4k1 v0v5 ? k4  ->  v0

The task of the two-stage pause experiment (arXiv 2310.02226, at our size): pre-training on sequences with dense labels,
then one answer a prompt. "text" is a Markov source of order 2 over single symbols; "pairs" states a fresh meaning of
every key again and again, k v k v ..., with loss on the values; "copy" repeats a random string, with loss on the second
half.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import IGNORE, Batch, answer_batch
from geomem.counter import random_keys, random_samples
from geomem.decoding.reader import Autoregressive, Reader
from geomem.seeding import stream_seed, torch_generator
from geomem.tasks.made import MadeStream, score_labels
from geomem.tasks.markov_source import draw_source
from geomem.tasks.packed import PackedTokens
from geomem.tasks.streams import SequenceStream
from geomem.tasks.task import Evidence, Split, Stream, Task

if TYPE_CHECKING:
    from geomem.tasks.specs import LookupSpec


class LookupTask(Task):
    """Streams: "lookup", and for pre-training "text", "pairs" and "copy"."""

    def __init__(self, spec: LookupSpec, seed: int) -> None:
        self.name = spec.kind
        self._spec, self._seed = spec, seed
        self.vocabulary = self.tokens = PackedTokens(spec.keys, spec.values, spec.packed)
        self._source = draw_source(self.tokens.first_pack, (2, 3, 4), popularity=1.0, least=0.05, floor=0.0, seed=seed)
        self._texts: dict[Split, Tensor] = {
            split: self._source.sample(self._size(split), spec.length, torch_generator(seed, "text", split))
            for split in ("train", "held_out")
        }
        shown, answer = chance_among(*self.table("held_out", torch.arange(spec.test_size)))
        self.chance = {
            "lookup/held_out/accuracy": shown,
            "lookup/held_out/loss": answer,
            "pairs/held_out/accuracy": 1 / spec.values,
            "pairs/held_out/loss": math.log(spec.values),
            "copy/held_out/accuracy": 1 / self.tokens.first_cue,
            "copy/held_out/loss": math.log(self.tokens.first_cue),
        }

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the four kinds of example of a split; the two splits are seeded apart."""
        size, text = self._size(split), self._texts[split]
        return {
            "lookup": MadeStream(size, lambda index: self.lookups(split, index)),
            "text": SequenceStream(text, text),
            "pairs": MadeStream(size, lambda index: self.pairs(split, index)),
            "copy": MadeStream(size, lambda index: self.copies(split, index)),
        }

    def default_mix(self) -> dict[str, float]:
        """Looking up alone; to pre-train, name the other streams in a stage's mix."""
        return {"lookup": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return accuracy and loss on held-out examples of all kinds but text."""
        asked = reader or Autoregressive(self.vocabulary.size)
        found: dict[str, float] = {}
        makers = {"lookup": self.lookups, "pairs": self.pairs, "copy": self.copies}
        for name, make in makers.items():
            if parts is None or name in parts:
                batch = make("held_out", torch.arange(self._spec.test_size))
                hits, losses = score_labels(model, batch, asked, device)
                found[f"{name}/held_out/accuracy"] = float(hits.double().mean())
                found[f"{name}/held_out/loss"] = float(losses.mean())
        return found

    def evidence(self) -> dict[str, Evidence]:
        """Return nothing: every table is fresh."""
        return {}

    # -- examples ------------------------------------------------------------------------------------------------

    def table(self, split: Split, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return keys (B, n), all different, their values (B, n) and which pair is asked for (B,)."""
        spec, seed = self._spec, stream_seed(self._seed, "lookup", split)
        keys = random_samples(stream_seed(seed, "keys"), index, spec.keys, spec.pairs)
        values = random_keys(stream_seed(seed, "values"), index, spec.pairs) % spec.values
        return keys, values, random_keys(stream_seed(seed, "asked"), index, 1)[:, 0] % spec.pairs

    def lookups(self, split: Split, index: Tensor) -> Batch:
        """Return prompts (B, 2 n / P + 2) with their answers, for `index` (B,)."""
        keys, values, asked = self.table(split, index)
        query = self.tokens.key(keys.gather(1, asked[:, None]))
        table = self.tokens.table(keys, values)
        prompts = torch.cat([table, torch.full_like(query, self.tokens.query), query], dim=1)
        return _numbered(answer_batch(prompts, values.gather(1, asked[:, None])), index)

    def pairs(self, split: Split, index: Tensor) -> Batch:
        """Return k v k v ... (B, length), every key with one value in its sequence; labels on the values."""
        spec, seed = self._spec, stream_seed(self._seed, "pairs", split)
        meaning = random_keys(stream_seed(seed, "values"), index, spec.keys) % spec.values
        keys = random_keys(stream_seed(seed, "keys"), index, spec.length // 2) % spec.keys
        tokens = torch.stack([self.tokens.key(keys), meaning.gather(1, keys)], dim=2).flatten(1)
        labels = tokens.clone()
        labels[:, ::2] = IGNORE
        columns = torch.arange(1, tokens.shape[1], 2, device=index.device)
        return Batch(tokens, labels, columns=columns, index=index)

    def copies(self, split: Split, index: Tensor) -> Batch:
        """Return a random string twice (B, length), labels on the second."""
        half = self._spec.length // 2
        string = random_keys(stream_seed(self._seed, "copy", split), index, half) % self.tokens.first_cue
        return _numbered(answer_batch(string, string), index)

    def _size(self, split: Split) -> int:
        return self._spec.train_size if split == "train" else self._spec.test_size


def chance_among(keys: Tensor, values: Tensor, asked: Tensor) -> tuple[float, float]:
    """Return accuracy and loss of a guesser who sees the values (M, n) that a table states, and no key.

    It answers with the most frequent one, or spreads its bets as they are spread.
    """
    counts = (values[:, :, None] == values[:, None, :]).sum(-1).double()
    mine = counts.gather(1, asked[:, None])
    return float(counts.amax(1).mean()) / values.shape[1], -float((mine / values.shape[1]).log().mean())


def _numbered(batch: Batch, index: Tensor) -> Batch:
    return Batch(batch.tokens, batch.labels, columns=batch.columns, index=index)
