"""The norm battery: what attention and MLP of every block add to the stream, against the stream they add it to."""

from __future__ import annotations

import torch

from geomem.geometry.updates import UpdateNorms, random_cosine
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec

COSINES = ("attention_cosine", "mlp_cosine", "update_cosine", "stream_cosine")


class Updates(Family):
    """Relative size and direction of what every block, its attention and its MLP write (arXiv 2505.13898, Section 2).

    Means over tokens with intervals over windows, and the largest value over tokens. "layer" is the number of the
    block.
    """

    name = "updates"

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        super().__init__(shape, spec, plan)
        self.norms = UpdateNorms(shape.layers)
        self.metrics = {"norms": self.norms}

    def update(self, slab: Slab) -> None:
        """Add the per-token numbers of all blocks."""
        names = slab.scalars[0].keys()
        stacked = {name: torch.stack([block[name] for block in slab.scalars]).cpu() for name in names}
        self.norms.update(stacked, slab.keep.cpu())

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add means, maxima and the chance level of cosines."""
        largest = self.norms.maxima()
        for name, found in self.norms.compute().items():
            for layer in range(self.shape.layers):
                one = found.at(layer)
                rows.add(f"updates/{name}", one.value, layer=layer, interval=(one.low, one.high))
                if name.endswith("_ratio"):
                    rows.add(f"updates/{name}_largest", float(largest[name][layer]), layer=layer)
                if name in COSINES[:3]:
                    rows.chance(f"updates/{name}", 0.0, layer=layer)
        rows.chance("updates/random_cosine", random_cosine(self.shape.width))
