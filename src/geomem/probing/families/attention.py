"""Attention sinks: found in hidden states for every pass, and in attention weights when those are asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from geomem.geometry.positions import PositionMeans, median_ratios
from geomem.geometry.sink_scores import SinkRates
from geomem.geometry.sinks import SinkCounts
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec

PLACES = 48
"""First places of a window on the sink map."""


class Sinks(Family):
    """Primary and secondary attention sinks by the norms and directions of hidden states (arXiv 2512.22213).

    "layer" is the block after which states are read. With `--attention` also from attention weights: mean attention to
    the first token, and the share of heads above epsilon = 0.3. Flagged tokens are left out of all other measurements
    unless `--keep-sinks` is given.
    """

    name = "attention"

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        super().__init__(shape, spec, plan)
        self.counts = SinkCounts(shape.layers)
        self.places = PositionMeans(shape.layers, min(PLACES, plan.context))
        self.metrics = {"counts": self.counts, "places": self.places}
        self.rates: SinkRates | None = None
        if spec.attention and shape.maps:
            self.rates = SinkRates(shape.layers, shape.heads)
            self.metrics["rates"] = self.rates

    def update(self, slab: Slab) -> None:
        """Add what the detector found in a batch."""
        self.counts.update(slab.sinks)
        self.places.update(median_ratios(torch.stack([stream.norm(dim=-1) for stream in slab.streams[1:]])))

    def attend(self, layer: int, weights: Tensor) -> None:
        """Add the attention weights of one block."""
        if self.rates is not None:
            self.rates.update(layer, weights)

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add sinks by layer, their counts by label, and the map over first places."""
        for name, found in self.counts.compute().items():
            for layer in range(self.shape.layers):
                one = found.at(layer)
                rows.add(f"attention/{name}", one.value, layer=layer, interval=(one.low, one.high))
                if name == "norm_ratio":
                    rows.chance(f"attention/{name}", 1.0, layer=layer)
        share = self.counts.present_share()
        rows.add("attention/windows_with_sink", share.value, interval=(share.low, share.high))
        rows.add("attention/left_out", 0.0 if self.spec.keep_sinks else self.counts.left_out_share())
        for name, count in self.counts.label_counts().items():
            if name != "none":
                rows.add(f"attention/tokens_{name}", float(count))
        for (creation, lifetime), count in sorted(self.counts.levels().items()):
            rows.add(f"attention/level_{creation}_{lifetime}", float(count))
        rows.keep({"attention/places": self.places.compute()})
        if self.rates is not None:
            self._rates(rows, self.rates)

    def _rates(self, rows: Rows, rates: SinkRates) -> None:
        found = rates.compute()
        reference = rates.reference()
        heads = found["rate"].value
        for layer in range(self.shape.layers):
            one = found["attention_layer"].at(layer)
            rows.add("attention/first_token", one.value, layer=layer, interval=(one.low, one.high))
            rows.chance("attention/first_token", float(reference[layer]), layer=layer)
            rows.add("attention/sink_rate", float(heads[layer].mean()), layer=layer)
        rows.keep({"attention/head_rates": heads, "attention/head_attention": found["attention"].value})
