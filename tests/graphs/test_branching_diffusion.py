"""Features drawn down a tree against the exact law of all flips."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from geomem.errors import InputError
from geomem.graphs.branching_diffusion import branching_features


def exact_law(branching: tuple[int, ...], flip: float) -> dict[tuple[float, ...], float]:
    """Return the probability of every pattern of leaves, by going through every flip of every edge."""
    edges = sum(int(np.prod(branching[: level + 1])) for level in range(len(branching)))
    law: dict[tuple[float, ...], float] = {}
    for flips in itertools.product((1.0, -1.0), repeat=edges):
        chance = float(np.prod([flip if one < 0 else 1 - flip for one in flips]))
        for root in (1.0, -1.0):
            nodes, left = [root], list(flips)
            for children in branching:
                nodes = [value * left.pop(0) for value in nodes for _ in range(children)]
            law[tuple(nodes)] = law.get(tuple(nodes), 0.0) + chance / 2
    return law


@pytest.mark.parametrize(("branching", "flip"), [((2, 2), 0.2), ((3,), 0.4), ((1, 2, 2), 0.1)])
def test_the_law_of_leaf_patterns(branching: tuple[int, ...], flip: float) -> None:
    drawn = branching_features(branching, flip, 40_000, 3)
    patterns, counts = np.unique(drawn, axis=0, return_counts=True)
    found = {tuple(row): count / 40_000 for row, count in zip(patterns.tolist(), counts.tolist(), strict=True)}
    law = exact_law(branching, flip)
    assert sum(law.values()) == pytest.approx(1)
    for pattern, chance in law.items():
        # Four standard deviations of a count.
        assert abs(found.get(pattern, 0.0) - chance) < 4 * np.sqrt(chance * (1 - chance) / 40_000) + 1e-12


def test_without_flips_all_items_are_alike_and_with_half_none() -> None:
    alike = branching_features((2, 3), 0.0, 50, 0)
    assert alike.shape == (50, 6)
    assert np.array_equal(alike, np.repeat(alike[:, :1], 6, axis=1))
    assert set(np.unique(alike)) == {-1.0, 1.0}
    apart = branching_features((2, 2), 0.5, 20_000, 0)
    assert np.abs(apart.T @ apart / 20_000 - np.eye(4)).max() < 0.03


def test_the_seed_decides() -> None:
    one = branching_features((2, 2, 2), 0.1, 30, 5)
    assert np.array_equal(one, branching_features((2, 2, 2), 0.1, 30, 5))
    assert not np.array_equal(one, branching_features((2, 2, 2), 0.1, 30, 6))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (((), 0.1, 5), "branching"), (((2, 0), 0.1, 5), "branching"), (((2,), 0.7, 5), "flip"),
        (((2,), 0.1, 0), "features"), (((2,) * 30, 0.1, 5), "more than can be held"),
    ],
)  # fmt: skip
def test_mistakes_are_clear(values: tuple[tuple[int, ...], float, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        branching_features(*values, seed=0)
