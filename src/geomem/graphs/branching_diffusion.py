"""Items with the features of a hierarchy: each feature diffuses from the root of a tree to its leaves.

A feature is +1 or -1 at the root and flips on every edge with one probability, independently of all others. What many
features share is the tree. Source: arXiv 1312.6120, section 2; arXiv 1810.10531.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geomem.errors import InputError
from geomem.seeding import numpy_generator

MAX_ENTRIES = 100_000_000
"""Most numbers of a feature table: 800 MB."""


def branching_features(branching: Sequence[int], flip: float, features: int, seed: int) -> NDArray[np.float64]:
    """Return (features, items) of +1 and -1; items are leaves, in the order of a depth-first walk.

    branching: children of a node at each level, root first. flip: probability that an edge flips a feature, in
    [0, 0.5]. The same seed gives the same table.

    With one-hot items and a summed loss (or one-hot items times sqrt(items) and a mean loss) the inputs are white,
    Sigma_11 = I, and the table is Sigma_31. Raises InputError for bad values or a table that is too large.
    """
    if not branching or any(children < 1 for children in branching):
        raise InputError(f"branching: at least one level, at least one child a node; got {tuple(branching)}")
    if not 0 <= flip <= 0.5:
        raise InputError(f"flip: a probability of flipping from 0 to 0.5, got {flip}")
    if features < 1:
        raise InputError(f"features: must be at least 1, got {features}")
    if features * math.prod(branching) > MAX_ENTRIES:
        raise InputError(f"branching: {math.prod(branching)} items of {features} features are more than can be held")
    generator = numpy_generator(seed, "branching-diffusion")
    values = np.where(generator.random((features, 1)) < 0.5, -1.0, 1.0)
    for children in branching:
        values = np.repeat(values, children, axis=1)
        values = np.where(generator.random(values.shape) < flip, -values, values)
    return values
