"""Skipping: a block at chosen positions, one of its parts, or a whole set of blocks that then cost nothing.

Sources: arXiv 2505.13898 (released code: output replaced by input, parts set to zero), arXiv 2603.07475 (static plan).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

from geomem.errors import InputError
from geomem.interventions.hooks import AFTER_FIRST, Positions, edited_output, entering
from geomem.outputs import first, replaced


def skip_block(
    block: nn.Module, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Let what enters `block` also leave it, at `positions`. The block still runs; see `edited_output` for `length`."""
    return edited_output(block, lambda stream, _: stream, positions, length=length)


def silence(
    part: nn.Module, positions: Positions = AFTER_FIRST, *, length: int | None = None
) -> AbstractContextManager[None]:
    """Let `part` (attention or MLP) add nothing to the stream at `positions`: its output is zero there."""
    return edited_output(part, lambda _, output: torch.zeros_like(output), positions, length=length)


@contextmanager
def skip_blocks(blocks: Sequence[nn.Module], skipped: Collection[int]) -> Generator[None]:
    """Leave out the blocks numbered `skipped`, at every position, while open: they are not computed.

    Generation with a key-value cache works as long as prefill and decoding happen inside one context, so that the set
    is the same for both. A skipped block caches nothing but a placeholder one number wide, since masks and positions
    are made from the length of one layer's entries, and that layer may be a skipped one. Where the cache has no such
    entries (state-space layers), and in blocks on flat rows with a cache, the block runs and its output is dropped.
    Raises InputError for a number that no block has.
    """
    for number in skipped:
        if not 0 <= number < len(blocks):
            raise InputError(f"skip: there is no block {number}; blocks are 0..{len(blocks) - 1}")
    with bypass(blocks, skipped, {}):
        yield


Lengths = dict[type[nn.Module], "int | None"]
"""How long a tuple the blocks of a class return, or None for a tensor."""


@contextmanager
def bypass(blocks: Sequence[nn.Module], skipped: Collection[int], lengths: Lengths) -> Generator[None]:
    """Do what `skip_blocks` does. lengths: filled when a class of blocks is first met, by running one of it once."""
    with ExitStack() as stack:
        for number in sorted(set(skipped)):
            stack.enter_context(_bypassed(blocks[number], number, lengths))
        yield


@contextmanager
def _bypassed(block: nn.Module, number: int, lengths: Lengths) -> Generator[None]:
    own = block.__dict__.get("forward")
    compute = block.forward

    def pass_through(*inputs: Any, **named: Any) -> Any:
        stream = entering(inputs, named)
        caches = [value for value in (*inputs, *named.values()) if isinstance(value, Cache)]
        if not all(_holds_placeholder(cache, number, stream) for cache in caches):
            return replaced(compute(*inputs, **named), stream)
        if type(block) not in lengths:
            lengths[type(block)] = _tuple_length(compute, inputs, named)
        for cache in caches:
            nothing = stream.new_zeros(stream.shape[0], 1, stream.shape[1], 1)
            cache.update(nothing, nothing, number)
        length = lengths[type(block)]
        return stream if length is None else (stream, *[None] * (length - 1))

    block.forward = pass_through
    try:
        yield
    finally:
        if own is None:
            del block.forward
        else:
            block.forward = own


def _holds_placeholder(cache: Cache, number: int, stream: Tensor) -> bool:
    """Return whether a layer of keys and values can stand for the skipped block."""
    if stream.ndim != 3 or not hasattr(cache, "layers"):
        return False
    if number >= len(cache.layers):
        return isinstance(cache, DynamicCache)
    return isinstance(cache.layers[number], CacheLayerMixin)


def _tuple_length(compute: Callable[..., Any], inputs: tuple[Any, ...], named: dict[str, Any]) -> int | None:
    """Run a block once, with copies of the caches, to see whether it returns a tuple.

    Raises InputError when what leaves it has not the shape of what enters it.
    """

    def copied(value: Any) -> Any:
        return copy.deepcopy(value) if isinstance(value, Cache) else value

    output = compute(*map(copied, inputs), **{name: copied(value) for name, value in named.items()})
    before, after = tuple(entering(inputs, named).shape), tuple(first(output).shape)
    if before != after:
        raise InputError(f"skip: a block that turns {before} into {after} cannot be skipped")
    return len(output) if isinstance(output, tuple) else None
