"""Spectra: how the variance of every layer is spread over directions, and how many dimensions the tokens fill."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from geomem.geometry.intrinsic_dimension import isotropic_nearest, mle, nearest_distances, two_nn
from geomem.geometry.marchenko_pastur import isotropic_spectrum
from geomem.geometry.moments import Directions, Moments
from geomem.geometry.spectral_error import Population, anisotropy_interval, spectral_intervals
from geomem.geometry.spectrum import FUNCTIONALS, Decomposition, Spectrum, decompose, table_spectrum
from geomem.probing.family import Ended, Family, Shape
from geomem.probing.plan import Plan
from geomem.probing.rows import Rows
from geomem.probing.sample import Sample
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec

DIMENSION_TOKENS = 1024
"""Tokens whose distances give the intrinsic dimension. It depends on how many they are, so it is one number for all."""
NO_CHANCE = ("alpha_first_rank", "alpha_last_rank", "total_variance")


class Spectra(Family):
    """RankMe, alpha-ReQ, participation ratio, stable rank, anisotropy, intrinsic dimension of every stream.

    (arXiv 2509.23024, Section 2; TwoNN arXiv 1803.06992.) Over all kept tokens, not only the last of each window: the
    difference is said because values differ. Chance: isotropic Gaussian tokens of the same number and width. Also the
    spectra of embedding and unembedding tables.
    """

    name = "spectrum"

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        super().__init__(shape, spec, plan)
        self.moments = {layer: Moments(shape.width) for layer in self.layers}
        self.directions = {layer: Directions(shape.width) for layer in self.layers}
        self._noise_dimension: dict[str, float] = {}
        self.metrics = {
            **{f"moments-{layer}": metric for layer, metric in self.moments.items()},
            **{f"directions-{layer}": metric for layer, metric in self.directions.items()},
        }

    def update(self, slab: Slab) -> None:
        """Add the kept tokens of every layer."""
        for layer in self.layers:
            self.moments[layer].update(slab.rows(layer))
            self.directions[layer].update(slab.rows(layer))

    def results(self, rows: Rows, ended: Ended) -> None:
        """Add the numbers of all layers, of both tables, and the spectra themselves."""
        sample = ended.sample.without_sinks()
        noise = isotropic_nearest(min(DIMENSION_TOKENS, len(sample)), self.shape.width)
        self._noise_dimension = {"two_nn": two_nn(noise).value, "mle_dimension": mle(noise).value}
        spectra: list[Tensor] = []
        for layer in self.layers:
            spectra.append(self._layer(rows, layer, sample, len(ended.plan.chosen)))
            self._dimension(rows, layer, sample)
        rows.keep({"spectrum/eigenvalues": torch.stack(spectra), "spectrum/layers": torch.tensor(self.layers)})
        count = int(self.moments[self.layers[0]].count)
        for name, value in isotropic_spectrum(count, self.shape.width).numbers().items():
            key = name.replace("-", "_")
            if key not in NO_CHANCE:
                for layer in self.layers:
                    rows.chance(f"spectrum/{key}", value, layer=layer)
        rows.add("spectrum/tokens", float(count))
        self._tables(rows, ended.adapter)

    def _layer(self, rows: Rows, layer: int, sample: Sample, windows: int) -> Tensor:
        moments, directions = self.moments[layer], self.directions[layer]
        found = decompose(moments)
        numbers = Spectrum.of_eigenvalues(found.eigenvalues, found.count, float(directions.compute())).numbers()
        stream = sample.streams[layer].to(found.mean.device)
        intervals = _intervals(found, numbers["anisotropy"], directions, stream, sample.windows, windows)
        for name, value in numbers.items():
            one: Any = intervals.get(name)
            rows.add(f"spectrum/{name.replace('-', '_')}", value, layer=layer,
                     interval=None if one is None else (one.low, one.high))  # fmt: skip
        return found.eigenvalues.cpu()

    def _dimension(self, rows: Rows, layer: int, sample: Sample) -> None:
        count = min(DIMENSION_TOKENS, len(sample))
        index = torch.arange(count) * len(sample) // max(1, count)
        points, windows = sample.streams[layer][index], sample.windows[index]
        found = nearest_distances(points)
        for name, one in (("two_nn", two_nn(found, windows)), ("mle_dimension", mle(found, windows))):
            rows.add(f"spectrum/{name}", one.value, layer=layer, interval=(one.low, one.high))
            rows.chance(f"spectrum/{name}", self._noise_dimension[name], layer=layer)

    def _tables(self, rows: Rows, adapter: Any) -> None:
        tables = {"embedding": adapter.embedding, "unembedding": adapter.unembedding}
        tied = tables["unembedding"] is not None and tables["embedding"].data_ptr() == tables["unembedding"].data_ptr()
        for name, table in tables.items():
            if table is None or (tied and name == "unembedding"):
                continue
            found = table_spectrum(table)
            for key, value in found.numbers().items():
                rows.add(f"spectrum/{name}_{key.replace('-', '_')}", value)
            rows.keep({f"spectrum/{name}_eigenvalues": found.eigenvalues})


def _intervals(
    found: Decomposition, anisotropy: float, directions: Directions, stream: Tensor, windows: Tensor, count: int
) -> dict[str, Any]:
    """Return the interval of every number that has one; none when the sample holds fewer than two windows."""
    if len(windows.unique()) < 2:
        return {}
    population = Population(count, found.count)
    mean_direction = directions.unit_total / directions.count
    return {
        **spectral_intervals(FUNCTIONALS, found, stream, windows, population),
        "anisotropy": anisotropy_interval(anisotropy, mean_direction, stream, windows, population),
    }
