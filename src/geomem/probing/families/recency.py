"""Similarity recency: whether a token's state is nearer to its neighbour's than to one further back."""

from __future__ import annotations

import torch

from geomem.geometry.recency import FAR, SimilarityRecency, recency_keep, recency_scalars
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec


class Recency(Family):
    """Mean cosine with the token before less that with the token 16 back (arXiv 2603.07475; the definition is ours).

    Raw, and after subtracting the window's mean. 0 where order does not matter: the shuffled text is the control.
    """

    name = "recency"

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        super().__init__(shape, spec, plan)
        self.metric = SimilarityRecency(len(self.layers))
        self.metrics = {"recency": self.metric}
        self.fits = plan.context > FAR

    def update(self, slab: Slab) -> None:
        """Add one batch of windows."""
        if not self.fits:
            return
        found = [recency_scalars(stream, keep=slab.keep) for stream in (slab.streams[layer] for layer in self.layers)]
        stacked = {name: torch.stack([layer[name] for layer in found]).cpu() for name in found[0]}
        self.metric.update(stacked, recency_keep(slab.keep).cpu())

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add raw and centred recency."""
        if not self.fits:
            rows.lines.append(f"recency: windows of {self.plan.context} tokens are too short to look {FAR} back")
            return
        for name, found in self.metric.compute().items():
            for place, layer in enumerate(self.layers):
                one = found.at(place)
                rows.add(f"recency/{name}", one.value, layer=layer, interval=(one.low, one.high))
                if name in ("raw", "centred"):
                    rows.chance(f"recency/{name}", 0.0, layer=layer)
