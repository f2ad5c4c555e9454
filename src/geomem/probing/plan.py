"""Which windows of the text are read, in which batches, and which tokens are kept whole: fixed before the pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from geomem.batch import IGNORE
from geomem.errors import InputError
from geomem.probing.conditions import shuffled_windows
from geomem.probing.spec import ProbeSpec
from geomem.texts.windows import Windows, choose_windows, next_token_counts, sample_plan


@dataclass(frozen=True)
class Plan:
    """The text as one pass reads it. It depends on the settings alone: not on workers, shards or an interruption.

    chosen: (W,) int64, numbers of the windows taken, ascending. each: windows of a batch. shuffled: tokens are shuffled
    within every window. In the pass a window goes by its place in `chosen`, 0..W-1.
    """

    windows: Windows
    chosen: Tensor
    each: int
    vocabulary: int
    sample_size: int
    seed: int
    shuffled: bool = False

    @property
    def context(self) -> int:
        """Tokens of a window."""
        return self.windows.context

    @property
    def tokens(self) -> int:
        """Tokens the pass reads."""
        return len(self.chosen) * self.context

    @property
    def batches(self) -> int:
        """Number of batches."""
        return -(-len(self.chosen) // self.each)

    def batch(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return tokens (B, T), the token after each (B, T; -100 after the last), and places (B,) in `chosen`."""
        places = torch.arange(number * self.each, min((number + 1) * self.each, len(self.chosen)))
        tokens = self.windows.batch(self.chosen[places])
        if self.shuffled:
            tokens = shuffled_windows(tokens, self.chosen[places], self.seed)
        targets = torch.cat([tokens[:, 1:], torch.full_like(tokens[:, :1], IGNORE)], dim=1)
        return tokens, targets, places

    @cached_property
    def sample(self) -> Tensor:
        """(n, 2) int64: window (place in `chosen`) and place of the tokens kept whole, ascending.

        The first token of a window has seen nothing and the last has no target, so neither is taken.
        """
        found = sample_plan(len(self.chosen), self.context - 1, self.sample_size, self.seed, skip=1)
        return torch.stack([found.rows, found.columns], dim=1)

    @cached_property
    def next_counts(self) -> Tensor:
        """(V,) int64: how often each token follows another in the windows taken, in their own order."""
        return next_token_counts(self.windows, self.chosen, self.vocabulary)

    def shard(self, number: int, shards: int) -> range:
        """Return the batches of one of several workers: contiguous, and whole, so that sums do not depend on shards."""
        return range(self.batches * number // shards, self.batches * (number + 1) // shards)


def windows_of_a_batch(spec: ProbeSpec, context: int) -> int:
    """Return how many windows of `context` tokens a batch holds. Raises InputError when it is none."""
    if spec.batch_tokens < context:
        raise InputError(
            f"--batch-tokens {spec.batch_tokens}: a batch must hold one window of {context} tokens; use "
            f"--batch-tokens {context} or a smaller --context"
        )
    return spec.batch_tokens // context


def make_plan(windows: Windows, vocabulary: int, spec: ProbeSpec, *, shuffled: bool = False) -> Plan:
    """Choose windows and tokens for a pass.

    Raises InputError when a batch cannot hold one window.
    """
    each = windows_of_a_batch(spec, windows.context)
    chosen = choose_windows(len(windows), windows.context, spec.max_tokens, spec.seed)
    return Plan(windows, chosen, each, vocabulary, spec.sample, spec.seed, shuffled)
