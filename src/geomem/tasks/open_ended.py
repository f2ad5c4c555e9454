"""Tasks whose outputs are to be coherent and new: sampled, compared with the training set and with each other.

Source: arXiv 2504.15266, section 2. An example is a prompt of one token and an answer of fixed length that ends with
`</a>`. Seeds before the prompt are the objective's (`seed`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor, nn

from geomem.batch import answer_batch
from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import Autoregressive, Reader
from geomem.decoding.sampling import Sampling
from geomem.seeding import torch_generator
from geomem.tasks.creativity import Outputs, Space, first_of_each, occurs_in
from geomem.tasks.entities import EntityVocabulary
from geomem.tasks.open_ended_specs import OpenEndedSpec
from geomem.tasks.scoring import rows_per_chunk
from geomem.tasks.streams import SequenceStream
from geomem.tasks.task import Evidence, Split, Stream, Task

_DRAWN_AT_ONCE = 4096
"""Examples drawn in one piece: fixed, so that the first n of them do not depend on how many are asked for."""

_MOST_PIECES = 64
"""Most pieces that are drawn beyond what lacks before they are looked at."""

_MOST_OUTPUTS = 1024
"""Outputs generated at once: their key-value cache lies in memory."""


class Objects(ABC):
    """One kind of thing to be made, and how it is written.

    vocabulary: its tokens. prompt: the token that asks for one. choices: (K,) how many tokens occur at each place of an
    answer. count, spellings: as in `Space`.
    """

    vocabulary: EntityVocabulary
    prompt: int
    choices: tuple[int, ...]
    count: int
    spellings: int

    @abstractmethod
    def coherent(self, answers: Tensor) -> Tensor:
        """Return (B,) bool, which answers (B, K) of any tokens are well written and coherent."""

    @abstractmethod
    def canonical(self, answers: Tensor) -> Tensor:
        """Return (B, L) int64 >= 0, equal for coherent answers (B, K) that stand for the same thing."""

    def evidence(self) -> dict[str, Evidence]:
        """Return what measurements read; here nothing but num_nodes."""
        return {"num_nodes": self.vocabulary.num_nodes}


class DrawnObjects(Objects):
    """Things of which random ones can be drawn."""

    @abstractmethod
    def draw(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count, K) int64 answers, drawn independently and uniformly from all examples there are."""

    def draw_distinct(self, count: int, generator: np.random.Generator) -> Tensor:
        """Return (count, K) different answers: independent draws without those that were there before.

        So they are drawn without replacement, and the first ones are the same whatever the count. There must be as
        many.
        """
        kept, growth = self.draw(0, generator), 1
        while len(kept) < count:
            # As many as lack; more and more where most of what is drawn was there before.
            pieces = max(-(-(count - len(kept)) // _DRAWN_AT_ONCE), growth)
            rows = torch.cat([kept, *(self.draw(_DRAWN_AT_ONCE, generator) for _ in range(pieces))])
            kept = rows.index_select(0, first_of_each(rows))
            growth = min(2 * growth, _MOST_PIECES)
        return kept[:count]


class OpenEnded(Task):
    """A kind of thing to be made. Streams: one, of the name given.

    objects: what is asked for. answers: (M, K) int64 by split. space: what there is to be made, and what of it is
    known from training.
    """

    def __init__(
        self, spec: OpenEndedSpec, seed: int, stream: str, objects: Objects, answers: dict[Split, Tensor]
    ) -> None:
        self.name: str = getattr(spec, "kind")  # noqa: B009  (each spec has its own literal)
        self.vocabulary = objects.vocabulary
        self.objects, self.answers, self.stream = objects, answers, stream
        self._spec, self._seed = spec, seed
        self._known = objects.canonical(answers["train"])
        known = len(first_of_each(self._known))
        self.space = Space(objects.count, objects.spellings, known, math.prod(objects.choices))
        guess = self.space.guessed(spec.samples)
        loss = sum(math.log(count) for count in objects.choices) / len(objects.choices)
        self.chance = {f"{stream}/{name}@t{t:g}": value for t in spec.temperatures for name, value in guess.items()}
        self.chance |= {f"{stream}/held_out/loss": loss, **self._ceilings()}

    def streams(self, split: Split = "train") -> dict[str, Stream]:
        """Return the examples of a split; the loss is on the answers."""
        return {self.stream: self._stream(self.objects.prompt, self.answers[split])}

    def default_mix(self) -> dict[str, float]:
        """One stream has the whole loss."""
        return {self.stream: 1.0}

    def ceiling(self) -> float:
        """Return the creativity of as many outputs drawn uniformly from all coherent ones (see `Space.ceiling`)."""
        return self.space.ceiling(self._spec.samples)

    def score(
        self,
        model: nn.Module,
        *,
        device: torch.device | str = "cpu",
        parts: Collection[str] | None = None,
        reader: Reader | None = None,
    ) -> dict[str, float]:
        """Return STREAM/NUMBER@tT at each temperature T (see `Outputs.numbers`), and the loss on held-out answers.

        Outputs are drawn from the task's seed, so that a model has one score. The ceilings of creativity and
        creativity_raw stand beside them; they are the same for every model.
        """
        if parts is not None and self.stream not in parts:
            return {}
        found: dict[str, float] = {}
        for temperature in self._spec.temperatures:
            numbers = self.judge(self.outputs(model, temperature, reader=reader, device=device)).numbers()
            found |= {f"{self.stream}/{name}@t{temperature:g}": value for name, value in numbers.items()}
        loss = self._held_out_loss(model, reader or Autoregressive(self.vocabulary.size), device)
        return found | {f"{self.stream}/held_out/loss": loss, **self._ceilings()}

    def outputs(
        self,
        model: nn.Module,
        temperature: float,
        *,
        reader: Reader | None = None,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Return (samples, K) int64 outputs of a model on the CPU, the same whenever it is asked.

        Noise is drawn alike at every temperature: with seeds before the prompts, these are the same.
        """
        asked = reader or Autoregressive(self.vocabulary.size)
        sampling = Sampling(temperature, self._spec.top_k)
        generator = torch_generator(self._seed, "outputs")
        length = len(self.objects.choices)
        rows = min(_MOST_OUTPUTS, rows_per_chunk(length + 1, self.vocabulary.size))
        found: list[Tensor] = []
        with evaluating(model):
            for part in torch.arange(self._spec.samples).split(rows):
                prompts = torch.full((len(part), 1), self.objects.prompt, device=device)
                found.append(asked.generate(model, prompts, length, sampling=sampling, generator=generator).cpu())
        return torch.cat(found)

    def judge(self, outputs: Tensor) -> Outputs:
        """Return what outputs (B, K) are worth, beside the training set."""
        coherent, canonical = self.objects.coherent(outputs), self.objects.canonical(outputs)
        return Outputs(coherent, outputs, canonical, coherent & occurs_in(canonical, self._known))

    def evidence(self) -> dict[str, Evidence]:
        """Return num_nodes, the number of entities, and edges with graph_edges where a graph lies in the weights."""
        return self.objects.evidence()

    def _ceilings(self) -> dict[str, float]:
        samples = self._spec.samples
        return {
            f"{self.stream}/ceiling": self.space.ceiling(samples),
            f"{self.stream}/ceiling_raw": self.space.ceiling_raw(samples),
        }

    def _held_out_loss(self, model: nn.Module, reader: Reader, device: torch.device | str) -> float:
        """Return the mean loss in nats a token of held-out answers, the true tokens before each being shown."""
        answers = self.answers["held_out"]
        total = torch.zeros((), dtype=torch.float64, device=device)
        with evaluating(model):
            for part in answers.split(rows_per_chunk(answers.shape[1] + 1, self.vocabulary.size)):
                prompts = torch.full((len(part), 1), self.objects.prompt)
                logits = reader.logits(model, answer_batch(prompts, part).to(device)).float()
                true = part.to(device).flatten()
                total += nn.functional.cross_entropy(logits.flatten(0, 1), true, reduction="sum").double()
        return float(total) / answers.numel()

    @staticmethod
    def _stream(prompt: int, answers: Tensor) -> SequenceStream:
        batch = answer_batch(answers.new_full((len(answers), 1), prompt), answers)
        return SequenceStream(batch.tokens, batch.labels)


def split_drawn(
    objects: DrawnObjects, held_out: int, train: int, generator: np.random.Generator
) -> dict[Split, Tensor]:
    """Return different answers by split; the held-out ones are set aside first."""
    answers = objects.draw_distinct(held_out + train, generator)
    return {"train": answers[held_out:], "held_out": answers[:held_out]}
