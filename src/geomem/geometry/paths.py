"""Do leaf and first hop of one path stand together? The path-star heat maps and their scalars.

Source: arXiv 2510.26745, Observation 2 (heat maps of large path-stars). Distance is 1 - cosine. Where the paper's
formulas mix l and l - 1, the l - 1 nodes of a path without the root are meant here throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.measurement import Measurement
from geomem.geometry.vectors import row_chunks, unit_rows, wilson_interval

TIE = 1e-6
"""Cosines nearer than this count as equal: below it float32 embeddings say nothing about order."""


def leaf_first_hop_distances(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], chosen: Bool[Tensor, " p"] | None = None
) -> Float[Tensor, "k k"]:
    """Return M_ij = 1 - cos(leaf of path i, first hop of path j) over the chosen (by default all) paths."""
    used = _check(paths, embeddings) if chosen is None else _check(paths, embeddings)[chosen]
    unit = unit_rows(embeddings)
    return 1 - unit[used[:, -1]] @ unit[used[:, 1]].T


def path_path_distances(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], chosen: Bool[Tensor, " p"] | None = None
) -> Float[Tensor, "k k"]:
    """Return mean distances between the non-root nodes of paths i and j.

    Off the diagonal the mean is over all (l-1)^2 pairs, on it over the unordered pairs of distinct nodes.
    Cosines are bilinear, so sums of unit vectors suffice and nothing larger than the result is held.
    Raises InputError for paths of fewer than three nodes.
    """
    used = _check(paths, embeddings) if chosen is None else _check(paths, embeddings)[chosen]
    sums, squares = _path_sums(embeddings, used)
    steps = used.shape[1] - 1
    cosines = sums @ sums.T / steps**2
    cosines.diagonal().copy_(_within(sums, squares, steps))
    return 1 - cosines


@dataclass(frozen=True)
class Retrieval:
    """For every path, where its own first hop ranks among the candidates by cosine with its leaf.

    hits: (P,) 1 when the own first hop is nearest, 1/t when it ties with t - 1 others, else 0.
    ranks: (P,) number of candidates strictly nearer. candidates: number of distinct first hops.
    """

    hits: Float[Tensor, " p"]
    ranks: Int[Tensor, " p"]
    candidates: int

    @property
    def rate(self) -> float:
        """Share of leaves whose nearest first hop is their own; chance is 1 / candidates."""
        return float(self.hits.mean())


def first_hop_retrieval(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], candidates: Int[Tensor, " d"] | None = None
) -> Retrieval:
    """Look up each path's first hop as the nearest, by cosine, of the candidates to its leaf.

    candidates: distinct node ids, by default the first hops of all `paths`; each path's own must be among them.
    Works in chunks of rows: memory is O(chunk x d), so 10^4 arms are no matter.
    Raises InputError when a path's own first hop is no candidate.
    """
    _check(paths, embeddings)
    pool = torch.unique(paths[:, 1] if candidates is None else candidates)
    own = torch.searchsorted(pool, paths[:, 1].contiguous()).clamp(max=len(pool) - 1)
    if not bool((pool[own] == paths[:, 1]).all()):
        raise InputError("candidates: the first hop of every path must be among them")
    # float32 products unless the input is finer: at 10^4 arms float64 would only double the time (ties are cut at TIE).
    unit = unit_rows(embeddings).to(torch.float64 if embeddings.dtype == torch.float64 else torch.float32)
    hops, leaves = unit[pool], unit[paths[:, -1]]
    hits, ranks = leaves.new_empty(len(paths), dtype=torch.float64), own.new_empty(len(paths))
    for part in row_chunks(len(paths), len(pool)):
        cosines = leaves[part] @ hops.T
        mine = cosines.gather(1, own[part, None])
        ranks[part] = (cosines > mine + TIE).sum(1)
        tied = ((cosines - mine).abs() <= TIE).sum(1)
        hits[part] = (ranks[part] == 0).double() / tied
    return Retrieval(hits, ranks, len(pool))


def own_and_other_distance(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], leaves: Bool[Tensor, " p"]
) -> tuple[float, float]:
    """Return mean distance of the chosen leaves to their own first hop, and to all other first hops of `paths`."""
    _check(paths, embeddings)
    unit = unit_rows(embeddings)
    pool = torch.unique(paths[:, 1])
    chosen = paths[leaves]
    own = (unit[chosen[:, -1]] * unit[chosen[:, 1]]).sum()
    every = unit[chosen[:, -1]].sum(0) @ unit[pool].sum(0)
    count = max(1, len(chosen))
    return 1 - float(own) / count, 1 - float(every - own) / max(1, count * (len(pool) - 1))


def within_and_between_distance(embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"]) -> tuple[float, float]:
    """Return the mean of the diagonal and of the rest of `path_path_distances`, in O(P m) memory and time."""
    _check(paths, embeddings)
    sums, squares = _path_sums(embeddings, paths)
    count, steps = len(paths), paths.shape[1] - 1
    between = (sums.sum(0).square().sum() - sums.square().sum()) / max(1, count * (count - 1) * steps**2)
    return 1 - float(_within(sums, squares, steps).mean()), 1 - float(between)


def measure_leaf_first_hop(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], held_out: Bool[Tensor, " p"] | None = None
) -> dict[str, float]:
    """Return own / other distance, gap, retrieval rate with its 95 % interval, chance and median rank.

    Over all paths and, when `held_out` is given, over held-out and train leaves apart (always among all first hops),
    and for held-out leaves also among held-out first hops only (`held_out_restricted`).
    """
    everything = torch.ones(len(paths), dtype=torch.bool, device=paths.device)
    groups = {"": everything}
    if held_out is not None:
        groups |= {"held_out_": held_out, "train_": ~held_out}
    found = first_hop_retrieval(embeddings, paths)
    result = {"chance": 1 / found.candidates}
    for name, chosen in groups.items():
        if bool(chosen.any()):
            hits = found.hits[chosen]
            own, other = own_and_other_distance(embeddings, paths, chosen)
            low, high = wilson_interval(float(hits.sum()), len(hits))
            values = {"retrieval": float(hits.mean()), "retrieval_low": low, "retrieval_high": high}
            values |= {"median_rank": float(found.ranks[chosen].double().quantile(0.5))}
            values |= {"own": own, "other": other, "gap": own - other}
            result |= {name + key: value for key, value in values.items()}
    if held_out is not None and bool(held_out.any()):
        restricted = first_hop_retrieval(embeddings, paths[held_out])
        result["held_out_restricted"] = restricted.rate
        result["held_out_restricted_chance"] = 1 / restricted.candidates
    return result


def measure_path_distance(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"], held_out: Bool[Tensor, " p"] | None = None
) -> dict[str, float]:
    """Return mean distance within and between paths and the gap (within - between), and the same on held-out paths."""
    groups = {"": paths}
    if held_out is not None and int(held_out.sum()) > 1:
        groups["held_out_"] = paths[held_out]
    result: dict[str, float] = {}
    for name, chosen in groups.items():
        within, between = within_and_between_distance(embeddings, chosen)
        result |= {f"{name}within": within, f"{name}between": between, f"{name}gap": within - between}
    return result


def _path_sums(
    embeddings: Float[Tensor, "n m"], paths: Int[Tensor, "p l"]
) -> tuple[Float[Tensor, "p m"], Float[Tensor, " p"]]:
    """Sum of unit vectors of each path's non-root nodes, and sum of their squared lengths (1 each unless zero)."""
    if paths.shape[1] < 3:
        raise InputError(f"paths: at least 3 nodes each are needed to compare nodes of a path, got {paths.shape[1]}")
    unit = unit_rows(embeddings)
    sums = unit.new_zeros(len(paths), unit.shape[1])
    squares = unit.new_zeros(len(paths))
    for column in paths[:, 1:].unbind(1):
        sums += unit[column]
        squares += unit[column].square().sum(1)
    return sums, squares


def _within(sums: Float[Tensor, "p m"], squares: Float[Tensor, " p"], steps: int) -> Float[Tensor, " p"]:
    return (sums.square().sum(1) - squares) / (steps * (steps - 1))


def _check(paths: Int[Tensor, "p l"], embeddings: Float[Tensor, "n m"]) -> Int[Tensor, "p l"]:
    if len(paths) == 0 or paths.shape[1] < 2:
        raise InputError(f"paths: needs at least one path of two nodes, got shape {tuple(paths.shape)}")
    if int(paths.min()) < 0 or int(paths.max()) >= len(embeddings):
        raise InputError(f"paths: a path names a node outside 0..{len(embeddings) - 1}")
    return paths


LEAF_FIRST_HOP = Measurement(
    name="leaf-first-hop",
    function=measure_leaf_first_hop,
    source="arXiv 2510.26745, Observation 2, Figs. 6 and 9",
    chance="retrieval 1 / number of first hops (key chance); gap 0",
)
PATH_DISTANCE = Measurement(
    name="path-distance",
    function=measure_path_distance,
    source="arXiv 2510.26745, Observation 2, path/path heat maps",
    chance="gap 0 for vectors that know nothing of paths",
)
