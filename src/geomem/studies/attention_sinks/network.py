"""The planted network: a model with random weights in which one MLP writes a sink and a later one takes it away.

Of a dozen blocks the MLP of block 5 adds kappa s to the tokens with marked ids, and that of block 9 subtracts it; a
primary sink at position 0 is added by block 2 and taken away by block 11, 7.5 times as long as the stream, which is the
factor of the planted streams. So lifetime and attention are the model's own answer to a known cause.

A vector draws attention only where queries point at it, which in a trained model they have learned. Here, of some
random directions, the one that draws most when it is long is planted. Weights are N(0, 1/width): with the usual 0.02
the attention of so narrow a network would be uniform to five digits.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from geomem.geometry.distance import spearman
from geomem.geometry.sink_scores import sink_scores
from geomem.geometry.sinks import detect_sinks
from geomem.interventions.steer import add_to_output
from geomem.models.adapters import adapt
from geomem.models.specs import ArchitectureSpec
from geomem.runs.directory import Run
from geomem.runs.tables import Measurement
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.studies.attention_sinks.settings import Network
from geomem.training.progress import Event, Listener
from geomem.training.work import Extra, Work

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter

LAYERS = 12
PRIMARY = (2, 11)
SECONDARY = (5, 9)
"""Blocks whose MLP adds a sink, and takes it away."""
FACTOR = 7.5


@dataclass(frozen=True)
class Planted:
    """A network and what is planted in it.

    tokens: (B, T). first, marked: (B, T), position 0 and the marked ids. norms: (12,) median norm of the states after
    every block, without sinks.
    """

    adapter: Adapter
    tokens: Int[Tensor, "b t"]
    first: Bool[Tensor, "b t"]
    marked: Bool[Tensor, "b t"]
    norms: Float[Tensor, " l"]

    def module(self, block: int) -> nn.Module:
        """Return the MLP of a block."""
        found = self.adapter.mlp(block)
        assert found is not None
        return found

    @contextmanager
    def sinks(self, direction: Float[Tensor, " d"], kappa: float) -> Generator[None]:
        """Plant the primary sink and the secondary ones, of size kappa, while the context is open."""
        primary = FACTOR * self.norms[SECONDARY[0]] * direction
        with ExitStack() as stack:
            for blocks, vector, where in (
                (PRIMARY, primary, self.first),
                (SECONDARY, kappa * direction, self.marked),
            ):
                for block, sign in zip(blocks, (1, -1), strict=True):
                    stack.enter_context(add_to_output(self.module(block), sign * vector, where))
            yield

    def lifetime(self, direction: Float[Tensor, " d"], kappa: float) -> float:
        """Return the mean number of layers at which the marked tokens are flagged."""
        with self.sinks(direction, kappa), self.adapter.record(parts=False) as record:
            self.adapter.run(self.tokens)
        return float(detect_sinks(torch.stack(record.streams[1:])).lifetime[self.marked].double().mean())

    def score(self, direction: Float[Tensor, " d"], kappa: float) -> float:
        """Return the mean sink score of the marked tokens in the blocks that read the planted vector."""
        begin, end = SECONDARY
        found: list[Tensor] = []

        def keep(layer: int, maps: Tensor) -> None:
            if begin < layer <= end:
                found.append(sink_scores(maps)[self.marked])

        with self.sinks(direction, kappa):
            self.adapter.visit_attention_maps(self.tokens, keep)
        return float(torch.stack(found).mean())


def plant(settings: Network, seed: int) -> Planted:
    """Build the network and its tokens. Ids at a window's ends stay unmarked, so that sinks have tokens after them."""
    spec = validate(
        ArchitectureSpec,
        {
            "architecture": "llama",
            "width": settings.width,
            "layers": LAYERS,
            "heads": settings.heads,
            "max_positions": settings.context,
            "config": {"initializer_range": settings.width**-0.5},
        },
    )
    adapter = adapt(spec.build(settings.vocabulary, seed).eval())
    generator = torch_generator(seed, "planted-network", "tokens")
    tokens = torch.randint(settings.vocabulary, (settings.windows, settings.context), generator=generator)
    marked = tokens < settings.marked
    marked[:, :4] = marked[:, -8:] = False
    marked[0, settings.context // 2] = True  # at least one, whatever was drawn
    first = torch.zeros_like(marked)
    first[:, 0] = True
    with adapter.record(parts=False) as record:
        adapter.run(tokens)
    norms = torch.stack([stream.norm(dim=-1).median() for stream in record.streams[1:]])
    return Planted(adapter, tokens, first, marked, norms)


def most_attended(network: Planted, count: int, seed: int) -> Float[Tensor, " d"]:
    """Return the unit direction, of `count` random ones, with the largest sink score at four times the stream."""
    generator = torch_generator(seed, "planted-network", "directions")
    found = torch.randn(count, network.adapter.embedding.shape[1], generator=generator)
    found /= found.norm(dim=1, keepdim=True)
    long = 4 * float(network.norms[SECONDARY[1] - 1])
    scores = [network.score(direction, long) for direction in found]
    return found[max(range(count), key=scores.__getitem__)]


def sizes(network: Planted, count: int) -> list[float]:
    """Return sizes of the planted vector, evenly from where none can be flagged to where all are.

    From the stream's own norm at creation (cosine with the sink 0.7) to three times that at removal (0.95).
    """
    begin, end = float(network.norms[SECONDARY[0]]), 3 * float(network.norms[SECONDARY[1] - 1])
    return torch.linspace(begin, end, count).tolist()


def grow_sink(work: Work, run: Run, listener: Listener) -> Extra:
    """Measure lifetime and sink score against the size of the planted vector; "step" in the rows numbers the sizes."""
    settings = validate(Network, work.settings["network"])
    network = plant(settings, work.seed)
    direction = most_attended(network, settings.directions, work.seed)
    kappas = sizes(network, settings.sizes)
    lifetimes: list[float] = []
    scores: list[float] = []
    for number, kappa in enumerate(kappas):
        listener(Event(work.name, number, len(kappas)))
        lifetimes.append(network.lifetime(direction, kappa))
        scores.append(network.score(direction, kappa))
    unit = float(network.norms[SECONDARY[0]])
    columns = {"size": [kappa / unit for kappa in kappas], "lifetime": lifetimes, "score": scores}
    rows = [
        Measurement(metric=f"network/{name}", step=step, value=value)
        for name, values in columns.items()
        for step, value in enumerate(values)
    ]
    numbers = {
        "network/lifetime_spearman": spearman(torch.tensor(kappas), torch.tensor(lifetimes)),
        "network/score_spearman": spearman(torch.tensor(kappas), torch.tensor(scores)),
        "network/score_without": network.score(direction, 0.0),
        "network/tokens": float(network.marked.sum()),
    }
    return Extra(numbers, rows=rows)
