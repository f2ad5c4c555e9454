"""The logit lens on a sample of tokens: what the output layer would say at every depth."""

from __future__ import annotations

import torch

from geomem.batch import IGNORE
from geomem.geometry.lens import LENS_NAMES, LogitLens, lens_scalars, overlap_chance
from geomem.probing.family import Ended, Family
from geomem.probing.rows import Rows
from geomem.probing.sample import Sample
from geomem.probing.slab import Slab

TOKENS = 256
"""Tokens looked at: one output layer a token and depth costs more than the model itself."""


class Lens(Family):
    """Divergence of every layer's own guess from the final one, KL(layer || final) in nats, and its top-5 overlap.

    (arXiv 2505.13898, Section 2.) Layer l looks at the stream entering block l. Also the loss of every layer's guess;
    at the last layer that is the model's own loss, given as `model/loss` with perplexity and the unigram's loss beside
    it.
    """

    name = "lens"
    needs = ("head",)

    def update(self, slab: Slab) -> None:
        """Read nothing: the sample is enough."""

    def results(self, rows: Rows, ended: Ended) -> None:
        """Look through the lens at the sample."""
        sample = _spread(ended.sample.without_sinks(), TOKENS)
        device = ended.adapter.device
        # The last layer, which the others are judged against, is looked at whether asked for or not.
        layers = sorted({*self.layers, self.shape.layers})
        streams = [sample.streams[layer].to(device) for layer in layers]
        labels = sample.targets.to(device) if self.shape.causal else None
        found = lens_scalars(streams, ended.adapter.logits, labels)
        lens = LogitLens(len(streams))
        windows = sample.windows.unique_consecutive(return_inverse=True)[1]
        lens.update({name: _by_window(values.cpu(), windows) for name, values in found.items()}, _mask(windows))
        for name, estimates in lens.compute().items():
            for place, layer in enumerate(layers):
                one = estimates.at(place)
                rows.add(f"lens/{name}", one.value, layer=layer, interval=(one.low, one.high))
        for layer in layers:
            rows.chance("lens/overlap", overlap_chance(self.shape.vocabulary), layer=layer)
        if self.shape.causal:
            self._losses(rows, ended)

    def _losses(self, rows: Rows, ended: Ended) -> None:
        """Add the model's own loss over all sampled tokens, sinks included, beside the unigram's."""
        sample = ended.sample
        windows = sample.windows.unique_consecutive(return_inverse=True)[1]
        lens = LogitLens(1)
        lens.update({"loss": _by_window(ended.output[0].cpu()[None], windows)}, _mask(windows))
        one = lens.compute()["loss"].at(0)
        rows.add("model/loss", one.value, interval=(one.low, one.high))
        counts = ended.plan.next_counts.double() + 1
        unigram = -(counts / counts.sum()).log()
        rows.chance("model/loss", float(unigram[sample.targets].mean()))


def _spread(sample: Sample, most: int) -> Sample:
    """Return at most `most` tokens that have a target, spread evenly over the sample."""
    known = (sample.targets != IGNORE).nonzero().flatten()
    count = min(most, len(known))
    return sample.only(known[torch.arange(count) * len(known) // max(1, count)])


def _by_window(values: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Return (L, n) values of tokens as (L, W, t): one row a window, filled up with zeros."""
    places = _places(windows)
    result = values.new_zeros(len(values), int(windows[-1]) + 1, int(places.max()) + 1)
    result[:, windows, places] = values
    return result


def _mask(windows: torch.Tensor) -> torch.Tensor:
    places = _places(windows)
    mask = torch.zeros(int(windows[-1]) + 1, int(places.max()) + 1, dtype=torch.bool)
    mask[windows, places] = True
    return mask


def _places(windows: torch.Tensor) -> torch.Tensor:
    """Return the number of each token within its window, 0, 1, ...; `windows` rises by ones."""
    starts = torch.searchsorted(windows, windows)
    return torch.arange(len(windows)) - starts


__all__ = ["LENS_NAMES", "Lens"]
