"""Streams and updates of one forward pass, caught by hooks that are taken away again even when the pass fails."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from torch import Tensor, nn

from geomem.outputs import first


@dataclass
class Record:
    """What one `run` left behind, detached; L blocks, windows (B, T), width d.

    streams: L + 1 tensors (B, T, d), empty before the first run and when not asked for.
    attention, mlp: L tensors (B, T, d) that were added to the stream, or None where the family has none of them or
    parts were not asked for.
    """

    streams: list[Tensor] = field(default_factory=list[Tensor])
    attention: list[Tensor] | None = None
    mlp: list[Tensor] | None = None

    def clear(self) -> None:
        """Forget the run before."""
        for values in (self.streams, self.attention, self.mlp):
            if values is not None:
                values.clear()


class Recordable(Protocol):
    """The part of an adapter that recording needs."""

    blocks: tuple[nn.Module, ...]
    window: tuple[int, int] | None

    def attention(self, layer: int) -> nn.Module | None: ...  # noqa: D102
    def mlp(self, layer: int) -> nn.Module | None: ...  # noqa: D102


AfterBlock = Callable[[Record, int], None]
"""Called with the record and a block's number once both streams around the block are in it."""


@contextmanager
def recording(
    adapter: Recordable, *, streams: bool, parts: bool, after_block: AfterBlock | None = None
) -> Generator[Record]:
    """Hook the blocks and their parts while the context is open; see `Record`.

    after_block needs streams. It may empty the parts it has read, so that those of one block exist at a time.
    """
    layers = range(len(adapter.blocks))
    attentions = [adapter.attention(layer) for layer in layers] if parts else []
    mlps = [adapter.mlp(layer) for layer in layers] if parts else []
    record = Record(
        attention=None if not attentions or None in attentions else [],
        mlp=None if not mlps or None in mlps else [],
    )
    with ExitStack() as hooks:
        hooks.callback(adapter.blocks[0].register_forward_pre_hook(partial(_start, record)).remove)
        if streams:
            _hook_streams(adapter, record, hooks, after_block)
        _hook_outputs(adapter, attentions, record.attention, hooks)
        _hook_outputs(adapter, mlps, record.mlp, hooks)
        yield record


def block_input(inputs: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """Return the stream among a block's arguments."""
    return inputs[0] if inputs else named["hidden_states"]


def windows(rows: Tensor, window: tuple[int, int] | None) -> Tensor:
    """Return (B, T, d) of flat rows (B * T, d), which some architectures work on; else the tensor as it is."""
    return rows.view(*window, rows.shape[-1]) if rows.ndim == 2 and window is not None else rows


def _start(record: Record, *_call: Any) -> None:
    record.clear()


def _hook_streams(adapter: Recordable, record: Record, hooks: ExitStack, after_block: AfterBlock | None) -> None:
    def add(stream: Tensor) -> None:
        record.streams.append(windows(stream.detach(), adapter.window))
        if after_block is not None and len(record.streams) > 1:
            after_block(record, len(record.streams) - 2)

    def keep_input(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Add the stream that enters a block."""
        add(block_input(inputs, named))

    def keep_last(_module: nn.Module, _inputs: Any, output: Any) -> None:
        """Add the stream that leaves the last block."""
        add(first(output))

    for block in adapter.blocks:
        hooks.callback(block.register_forward_pre_hook(keep_input, with_kwargs=True).remove)
    hooks.callback(adapter.blocks[-1].register_forward_hook(keep_last).remove)


def _hook_outputs(
    adapter: Recordable, modules: Sequence[nn.Module | None], into: list[Tensor] | None, hooks: ExitStack
) -> None:
    for module in modules:
        if module is not None and into is not None:
            hooks.callback(module.register_forward_hook(partial(_keep_output, adapter, into)).remove)


def _keep_output(adapter: Recordable, into: list[Tensor], _module: nn.Module, _inputs: Any, output: Any) -> None:
    into.append(windows(first(output).detach(), adapter.window))
