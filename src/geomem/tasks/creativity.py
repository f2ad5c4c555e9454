"""How creative outputs are: coherent, not in the training set, and no two the same (arXiv 2504.15266, section 2).

Outputs are compared in two ways: letter by letter (raw), and in a canonical form that is the same for all ways of
writing one thing. Forms are rows of numbers >= 0; the numbers of a row never decide more than whether two are equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_ROOM = 2**62
"""Keys stay below this, so that int64 holds them."""


def row_keys(*sets: Tensor) -> tuple[Tensor, ...]:
    """Return a key (B_i,) int64 >= 0 for each row of each set (B_i, L) int64 >= 0; two are equal iff their rows are.

    Exact for any length: columns are packed into one number, each with as much room as its values take, and where that
    would overflow the distinct numbers so far are numbered anew.
    """
    rows = torch.cat(sets)
    keys = rows.new_zeros(len(rows))
    if len(rows) > 0:
        low, high = rows.aminmax(dim=0)
        weights, room = torch.zeros_like(low), 1
        for column, size in enumerate((high - low + 1).tolist()):
            if size == 1:
                continue
            if room * size > _ROOM:
                values, keys = (keys + _weighted(rows, low, weights)).unique(return_inverse=True)
                weights, room = torch.zeros_like(low), len(values)
            weights[column], room = room, room * size
        keys = keys + _weighted(rows, low, weights)
    return keys.split([len(one) for one in sets])


def _weighted(rows: Tensor, low: Tensor, weights: Tensor) -> Tensor:
    """Return sum_c weights[c] (rows[:, c] - low[c]); products of integers by matrix exist on a CPU alone."""
    total = rows @ weights if rows.device.type == "cpu" else (rows * weights).sum(1)
    return total - (low * weights).sum()


def occurs_in(rows: Tensor, known: Tensor) -> Tensor:
    """Return (B,) bool, which of rows (B, L) are among known (M, L)."""
    return torch.isin(*row_keys(rows, known))


def count_distinct(rows: Tensor, counted: Tensor) -> int:
    """Return how many different rows (B, L) there are among those that are counted (B,) bool."""
    return len(row_keys(rows[counted])[0].unique())


def first_of_each(rows: Tensor) -> Tensor:
    """Return the places (D,) int64, ascending, at which each distinct row of (B, L) occurs first."""
    keys = row_keys(rows)[0].cpu().numpy()
    first, bits = np.zeros(len(keys), dtype=bool), len(keys).bit_length()
    if keys.max(initial=0) <= _ROOM >> bits:
        # Numbers sort several times faster than places by their numbers, so each carries its place behind it.
        ordered = np.sort(keys << bits | np.arange(len(keys)))
        starts = np.diff(ordered >> bits, prepend=-1) > 0
        first[ordered[starts] & (1 << bits) - 1] = True
    elif (np.diff(np.sort(keys)) > 0).all():
        first[:] = True
    else:
        first[np.unique(keys, return_index=True)[1]] = True
    return torch.from_numpy(np.flatnonzero(first)).to(rows.device)


def renamed(rows: Tensor) -> Tensor:
    """Return rows (B, L) with their numbers replaced by 0, 1, ... in the order of first appearance in each row.

    Two rows get the same result iff one is the other under a one-to-one renaming.
    """
    first = (rows[:, :, None] == rows[:, None, :]).byte().argmax(2)
    new = first == torch.arange(rows.shape[1], device=rows.device)
    return (new.cumsum(1) - 1).gather(1, first)


@dataclass(frozen=True)
class Outputs:
    """Outputs of a model, judged.

    coherent: (B,) bool. raw: (B, K) int64, as they were written. canonical: (B, L) int64, meaningful where coherent.
    memorised: (B,) bool, coherent and in its canonical form in the training set.
    """

    coherent: Tensor
    raw: Tensor
    canonical: Tensor
    memorised: Tensor

    def numbers(self) -> dict[str, float]:
        """Return creativity, creativity_raw, diversity, coherence and memorisation, each a share of the B outputs.

        creativity: distinct coherent outputs that are not memorised, in canonical form; creativity_raw counts two ways
        of writing one thing twice. diversity: distinct coherent outputs, memorised or not, in canonical form.
        """
        total, original = len(self.coherent), self.coherent & ~self.memorised
        return {
            "creativity": count_distinct(self.canonical, original) / total,
            "creativity_raw": count_distinct(self.raw, original) / total,
            "diversity": count_distinct(self.canonical, self.coherent) / total,
            "coherence": float(self.coherent.double().mean()),
            "memorisation": float(self.memorised.double().mean()),
        }


@dataclass(frozen=True)
class Space:
    """What there is to be made.

    objects: coherent objects, canonical forms counted once. spellings: ways of writing each. known: objects of the
    training set. guesses: outputs of one who knows which tokens occur at each place, and nothing of how they belong
    together.
    """

    objects: int
    spellings: int
    known: int
    guesses: int

    def ceiling(self, samples: int) -> float:
        """Return the creativity of uniform sampling over all coherent outputs.

        It is 1 - known / objects, times the share of so many draws that are expected to be distinct. A sampler that
        knew the training set and avoided it could get more.
        """
        return expected_distinct(self.objects - self.known, 1 / self.objects, samples) / samples

    def ceiling_raw(self, samples: int) -> float:
        """Return the same where every spelling counts."""
        new = (self.objects - self.known) * self.spellings
        return expected_distinct(new, 1 / (self.objects * self.spellings), samples) / samples

    def guessed(self, samples: int) -> dict[str, float]:
        """Return what the guesser gets in each of `Outputs.numbers`, in expectation."""
        once = self.spellings / self.guesses
        new = self.objects - self.known
        return {
            "creativity": expected_distinct(new, once, samples) / samples,
            "creativity_raw": expected_distinct(new * self.spellings, 1 / self.guesses, samples) / samples,
            "diversity": expected_distinct(self.objects, once, samples) / samples,
            "coherence": self.objects * once,
            "memorisation": self.known * once,
        }


def expected_distinct(outcomes: int, probability: float, draws: int) -> float:
    """Return how many of `outcomes`, each of this probability, are expected to occur in independent draws.

    Every one occurs with probability 1 - (1 - p)^draws, computed without cancellation for small p.
    """
    if probability >= 1:
        return float(outcomes if draws > 0 else 0)
    return -outcomes * math.expm1(draws * math.log1p(-probability))
