"""Starting a forward pass at a later block, from a stream recorded before: earlier blocks are not computed again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from geomem.interventions.hooks import EVERYWHERE, edited_input
from geomem.interventions.skip import Lengths, bypass


class Resume:
    """Passes that start at a later block. Keep one for many passes: it learns once what blocks return.

    Only for models whose blocks hand nothing to each other but the stream (no shared keys and values); without a cache.
    """

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        self.blocks = blocks
        self._lengths: Lengths = {}

    @contextmanager
    def at(self, number: int, stream: Tensor, *, length: int | None = None) -> Generator[None]:
        """Let `stream` (B, T, d) enter block `number`, and skip the blocks before it. See `edited_output` for `length`.

        Enter it before other interventions, so that they see this stream.
        """
        entering = edited_input(self.blocks[number], lambda _: stream, EVERYWHERE, length=length)
        with bypass(self.blocks, range(number), self._lengths), entering:
            yield
