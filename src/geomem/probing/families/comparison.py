"""Similarity of layers: unbiased CKA between every two layers of a model."""

from __future__ import annotations

import torch

from geomem.geometry.cka import linear_cka
from geomem.geometry.cka_map import LayerCKA
from geomem.probing.family import Ended, Family
from geomem.probing.rows import Rows
from geomem.probing.sample import Sample
from geomem.probing.slab import Slab

FEWEST_WINDOWS = 8
"""Windows below which tokens of one window have to be compared with each other."""
PLAIN_TOKENS = 1024
"""Tokens of the plain CKA, which is given because other tools print it."""


class Comparison(Family):
    """Unbiased linear CKA between every two layers (arXiv 1905.00414; in minibatches, arXiv 2010.15327).

    On the tokens of the sample, which are spread over the whole text, and between tokens of different windows: those of
    one window share their context, and make even unrelated layers look alike. `comparison/cka_next` is layer l against
    l + 1; the whole map is kept for its picture. 0 for unrelated layers. `comparison/linear_cka_next` is plain CKA over
    1024 tokens, which is never 0. Two models are compared on words that both read.
    """

    name = "comparison"

    def update(self, slab: Slab) -> None:
        """Read nothing: the sample is enough."""

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add the similarity of neighbours, of every layer with the first and the last, and keep the map."""
        sample = ended.sample.without_sinks()
        metric = LayerCKA([f"layer {layer}" for layer in self.layers], seed=self.spec.seed)
        apart = len(sample.windows.unique()) >= FEWEST_WINDOWS
        metric.update([sample.streams[layer] for layer in self.layers], sample.windows if apart else None)
        if not apart:
            rows.lines.append(
                f"comparison: fewer than {FEWEST_WINDOWS} windows, so tokens of one window are compared with each "
                "other, which makes layers look more alike"
            )
        cka = metric.compute()
        low, high = metric.interval()
        places = {layer: place for place, layer in enumerate(self.layers)}
        for layer, place in places.items():
            for name, other in (("cka_next", layer + 1), ("cka_first", 0), ("cka_last", self.shape.layers)):
                if other not in places:
                    continue
                pair = place, places[other]
                rows.add(
                    f"comparison/{name}", float(cka[pair]), layer=layer, interval=(float(low[pair]), float(high[pair]))
                )
                rows.chance(f"comparison/{name}", 0.0, layer=layer)
        self._plain(rows, sample)
        rows.keep({"comparison/cka": cka, "comparison/cka_low": low, "comparison/cka_high": high,
                   "comparison/layers": torch.tensor(self.layers)})  # fmt: skip
        rows.lines += list(metric.notes())

    def _plain(self, rows: Rows, sample: Sample) -> None:
        count = min(PLAIN_TOKENS, len(sample))
        index = torch.arange(count) * len(sample) // max(1, count)
        for layer in (layer for layer in self.layers if layer + 1 in self.layers):
            value = linear_cka(sample.streams[layer][index], sample.streams[layer + 1][index])
            rows.add("comparison/linear_cka_next", float(value), layer=layer)
