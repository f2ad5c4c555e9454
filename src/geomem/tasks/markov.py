"""The next token of a Markov source of order 2, scored beside the source's own probabilities."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from geomem.batch import Batch
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Autoregressive, Reader
from geomem.seeding import torch_generator
from geomem.tasks.markov_source import MarkovSource, draw_source
from geomem.tasks.scoring import rows_per_chunk
from geomem.tasks.streams import SequenceStream
from geomem.tasks.task import Evidence, Split, Stream, Task
from geomem.tasks.vocabulary import Numbered

if TYPE_CHECKING:
    from geomem.tasks.specs import MarkovSpec


class MarkovTask(Task):
    """Sequences of a source drawn by the seed. Streams: "markov".

    source: its exact probabilities. tokens: sequences (M, T) by split, drawn independently.
    """

    def __init__(self, spec: MarkovSpec, seed: int) -> None:
        self.name = spec.kind
        self.vocabulary = Numbered(spec.vocabulary)
        self.source: MarkovSource = draw_source(
            spec.vocabulary, spec.supports, popularity=spec.popularity, least=spec.least, floor=spec.floor, seed=seed
        )
        sizes: dict[Split, int] = {"train": spec.train_size, "held_out": spec.held_out_size}
        self.tokens: dict[Split, Tensor] = {
            split: self.source.sample(size, spec.length, torch_generator(seed, "data", split))
            for split, size in sizes.items()
        }
        self.chance = self._unigram()

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the sequences of a split; every token but the first is to be predicted."""
        return {"markov": SequenceStream(self.tokens[split], self.tokens[split])}

    def default_mix(self) -> dict[str, float]:
        """One stream has the whole loss."""
        return {"markov": 1.0}

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return accuracy, loss and excess on held-out sequences; the excess is KL(source || model) in nats."""
        if parts is not None and "markov" not in parts:
            return {}
        tokens, asked = self.tokens["held_out"], reader or Autoregressive(self.vocabulary.size)
        sums = torch.zeros(3, dtype=torch.float64)
        with evaluating(model):
            for rows in tokens.split(rows_per_chunk(tokens.shape[1], self.vocabulary.size)):
                batch = Batch(rows, rows, columns=rows.shape[1] - 1).to(device)
                logits = asked.logits(model, batch).cpu()
                sums += self._sums(rows, torch.log_softmax(logits.double(), dim=-1))
        return self._named(sums)

    def evidence(self) -> dict[str, Evidence]:
        """Return nothing: a source has no graph to measure."""
        return {}

    def _unigram(self) -> dict[str, float]:
        """Return what the stationary probabilities of tokens alone give."""
        tokens = self.tokens["held_out"]
        # A token that never occurs is left the least that keeps the loss finite.
        level = self.source.unigram.clamp(min=1e-12).log()
        found = self._named(self._sums(tokens, level.expand(len(tokens), tokens.shape[1] - 1, -1)))
        return {**found, "markov/held_out/accuracy": max(found["markov/held_out/accuracy"], 1 / self.vocabulary.size)}

    def _sums(self, tokens: Tensor, log_probs: Tensor) -> Tensor:
        """Return (3,): hits, nats and excess nats summed over all predicted tokens."""
        true = self.source.conditionals(tokens)[:, :-1]
        right, following = log_probs.argmax(-1), tokens[:, 1:]
        loss = -log_probs.gather(-1, following[..., None]).sum()
        excess = (torch.special.xlogy(true, true) - true * log_probs).sum()
        return torch.stack([(right == following).double().sum(), loss, excess])

    def _named(self, sums: Tensor) -> dict[str, float]:
        names = ("accuracy", "loss", "excess")
        tokens = self.tokens["held_out"]
        means = (sums / (len(tokens) * (tokens.shape[1] - 1))).tolist()
        return {f"markov/held_out/{name}": value for name, value in zip(names, means, strict=True)}
