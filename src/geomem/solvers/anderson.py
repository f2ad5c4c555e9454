"""Anderson acceleration of a fixed-point iteration (type II, limited memory, with a guard)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_blas_funcs

Floats = NDArray[Any]
"""A numpy array of float32 or float64."""

GUARD = 2.0
"""A step longer than this many times the shortest one so far says that the model behind the extrapolation is wrong."""


class Anderson:
    """Extrapolates x <- x + step(x) from the last `memory` pairs of points and steps.

    Type II as in SCS 3 (O'Donoghue 2021, arXiv 2004.02177, section 4.2): the combination of past steps nearest to the
    present one is subtracted. When a step has grown, the point that it was taken from is given up, the memory dropped,
    and the way goes on from the plain successor of the point before: the map is non-expansive, so that plain steps
    converge from anywhere, but a point that was extrapolated far off would take as long again to come back from.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._last: tuple[Floats, Floats] | None = None
        self._steps: list[Floats] = []
        self._images: list[Floats] = []
        self._products: list[list[float]] = []
        self._shortest = np.inf

    def next(self, point: Floats, step: Floats) -> Floats:
        """Return the next point after `point`, whose plain successor is `point + step`.

        `point` is the one returned last. Both arrays are kept, so that the caller must not change them.
        """
        length = float(np.linalg.norm(step))
        if length > GUARD * self._shortest and self._last is not None:
            before = self._last
            self._steps, self._images, self._products, self._last = [], [], [], None
            return before[0] + before[1]
        self._shortest = min(self._shortest, length)
        if self._last is not None:
            self._remember(step - self._last[1], point - self._last[0])
        self._last = (point, step)
        found = point + step
        flat, axpy = found.reshape(-1), get_blas_funcs("axpy", (found,))
        for weight, image in zip(self._weights(step), self._images, strict=True):
            axpy(image.reshape(-1), flat, a=-weight)
        return found

    def _remember(self, change: Floats, moved: Floats) -> None:
        if len(self._steps) == self.memory:
            del self._steps[0], self._images[0], self._products[0]
            self._products = [row[1:] for row in self._products]
        self._steps.append(change)
        self._images.append(change + moved)
        row = [float(np.vdot(other, change)) for other in self._steps]
        for known, value in zip(self._products, row, strict=False):
            known.append(value)
        self._products.append(row)

    def _weights(self, step: Floats) -> NDArray[np.float64]:
        """Return the least-squares weights of the remembered changes; slightly damped, so that they stay small."""
        if not self._steps:
            return np.zeros(0)
        products = np.array(self._products)
        products[np.diag_indices(len(products))] *= 1 + 1e-8
        right = np.array([float(np.vdot(change, step)) for change in self._steps])
        return np.linalg.lstsq(products, right, rcond=1e-12)[0]
