"""The n-grams of a text: what follows each context, how often, and what that alone would predict.

Every n-gram that occurs has a number, found from the number of its first n - 1 tokens and its last token, so that no
n-gram is ever spelled out: memory is one row a distinct n-gram, whatever the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geomem.errors import InputError


@dataclass(frozen=True)
class NGrams:
    """All n-grams of a text, n = 1 to `order`. Build it with `count_ngrams`.

    keys: for each n, (m_n,) int64 ascending: the number of the first n - 1 tokens times the vocabulary, plus the last.
    counts: for each n, (m_n,) int64. followed: for each n below the order, (m_n,) int64, how often something followed,
    which is one less than the count for the n-gram that ends the text.
    """

    vocabulary: int
    tokens: int
    keys: tuple[Tensor, ...]
    counts: tuple[Tensor, ...]
    followed: tuple[Tensor, ...]

    @property
    def order(self) -> int:
        """The largest n."""
        return len(self.keys)

    def numbers(self, windows: Tensor, n: int) -> Tensor:
        """Return the number of the n-gram that ends at each token of windows (W, T): (W, T) int64.

        -1 where it does not occur in the text, or would begin before the window.
        """
        found = torch.zeros_like(windows)
        for length in range(1, n + 1):
            before = found.roll(1, dims=1)
            if length > 1:
                before[:, 0] = -1
            found = _find(self.keys[length - 1], before * self.vocabulary + windows, before >= 0)
        return found

    def next_tokens(self, n: int) -> tuple[Tensor, Tensor]:
        """Return what follows contexts of n tokens: their numbers and the next tokens, (m,) int64, each pair once.

        Sorted by context, then by token. Raises InputError when n is not below the order.
        """
        if not 0 < n < self.order:
            raise InputError(f"context: n-grams of order {self.order} have contexts of 1 to {self.order - 1} tokens, "
                             f"got {n}")  # fmt: skip
        return self.keys[n] // self.vocabulary, self.keys[n] % self.vocabulary

    def log_probabilities(self, windows: Tensor, order: int | None = None) -> Tensor:
        """Return the log-probability of each token of windows (W, T) by back-off, in nats: (W, T) float64.

        Its context is the longest run of tokens before it in the window, at most `order` - 1 of them, that the text
        continues in any way; the probability is the share of those continuations that the token has. It is 0, given as
        NaN, where the token never followed that context: nothing is smoothed, as in arXiv 2509.23024 (released code,
        with contexts of any length). order: by default that of the counts.
        """
        largest = self.order if order is None else min(order, self.order)
        result = torch.full(windows.shape, torch.nan, dtype=torch.float64)
        open_still = torch.ones_like(windows, dtype=torch.bool)
        for n in range(largest, 0, -1):
            seen, total = self._contexts(windows, n - 1)
            use = open_still & seen
            together = self._counts_of(windows, n)
            share = together.double() / total.clamp(min=1).double()
            result[use] = share.log().masked_fill(together == 0, torch.nan)[use]
            open_still &= ~seen
        return result

    def _contexts(self, windows: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """Return where the n tokens before each token are a context the text continues, and how often it does."""
        if n == 0:
            return torch.ones_like(windows, dtype=torch.bool), torch.full_like(windows, self.tokens)
        numbers = self.numbers(windows, n).roll(1, dims=1)
        numbers[:, 0] = -1
        total = torch.where(numbers >= 0, self.followed[n - 1][numbers.clamp(min=0)], 0)
        return total > 0, total

    def _counts_of(self, windows: Tensor, n: int) -> Tensor:
        numbers = self.numbers(windows, n)
        return torch.where(numbers >= 0, self.counts[n - 1][numbers.clamp(min=0)], 0)


@dataclass(frozen=True)
class SupportClasses:
    """Contexts of one length, grouped by the set of tokens that follow them in a text.

    classes: (m,) int64, the class of each context by its number, -1 for contexts left out. sizes: (K,) int64, tokens in
    each class's set. contexts: (K,) int64, distinct contexts in each class.
    """

    length: int
    classes: Tensor
    sizes: Tensor
    contexts: Tensor

    def of(self, numbers: Tensor) -> Tensor:
        """Return the class of contexts given by number (any shape); -1 stays -1."""
        return torch.where(numbers >= 0, self.classes[numbers.clamp(min=0)], -1)


def count_ngrams(tokens: Tensor, vocabulary: int, order: int) -> NGrams:
    """Count the n-grams of a text, tokens (n,) of any integer type, for n = 1 to `order`.

    Raises InputError when the order is below 1 or the text is shorter than it.
    """
    text = tokens.long()
    if order < 1:
        raise InputError(f"order: n-grams have at least 1 token, got {order}")
    if len(text) < order:
        raise InputError(f"the text has {len(text)} tokens, fewer than an n-gram of {order}")
    keys: list[Tensor] = []
    counts: list[Tensor] = []
    followed: list[Tensor] = []
    numbers = torch.zeros_like(text)
    for n in range(1, order + 1):
        # `numbers` holds, for each place, the (n - 1)-gram before it; the first n - 1 places have none.
        found, numbers, count = torch.unique(
            numbers * vocabulary + text[n - 1 :], return_inverse=True, return_counts=True
        )
        keys.append(found)
        counts.append(count)
        if n < order:
            followed.append(torch.bincount(numbers[:-1], minlength=len(found)))
            numbers = numbers[:-1]
    return NGrams(vocabulary, len(text), tuple(keys), tuple(counts), tuple(followed))


def support_classes(ngrams: NGrams, length: int, *, least_seen: int = 1, least_contexts: int = 1) -> SupportClasses:
    """Group the contexts of `length` tokens by their support, the set of tokens that follow them (arXiv 2408.15417).

    least_seen: contexts continued less often are left out, because an empirical support of few samples says little.
    least_contexts: sets that fewer different contexts share are left out. Raises InputError for a length that is not
    below the order of the n-grams.
    """
    contexts, following = ngrams.next_tokens(length)
    often = ngrams.followed[length - 1][contexts] >= least_seen
    present, sizes = torch.unique_consecutive(contexts[often], return_counts=True)
    members: dict[tuple[int, ...], list[int]] = {}
    for context, support in zip(present.tolist(), following[often].split(sizes.tolist()), strict=True):
        members.setdefault(tuple(support.tolist()), []).append(context)
    kept = {support: found for support, found in members.items() if len(found) >= least_contexts}
    classes = torch.full((len(ngrams.keys[length - 1]),), -1, dtype=torch.int64)
    for number, found in enumerate(kept.values()):
        classes[found] = number
    return SupportClasses(
        length,
        classes,
        torch.tensor([len(support) for support in kept], dtype=torch.int64),
        torch.tensor([len(found) for found in kept.values()], dtype=torch.int64),
    )


def _find(keys: Tensor, wanted: Tensor, possible: Tensor) -> Tensor:
    """Return the place of each wanted key in ascending `keys`, -1 where it is not there or not possible."""
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(possible & (keys[place] == wanted), place, -1)
