"""Attention weights: the explicit computation switched on for a while, and each block's map handed over as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from geomem.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Visit = Callable[[int, Tensor], None]


@contextmanager
def eager_attention(model: PreTrainedModel) -> Generator[None]:
    """Compute attention explicitly while the context is open, then as before.

    The fused implementations never form the weights, and transformers then returns none without an error.
    """
    config: Any = model.config
    parts = {"": config, **{name: getattr(config, name) for name in config.sub_configs}}
    before = {name: part._attn_implementation for name, part in parts.items() if part is not None}
    before = {name: chosen for name, chosen in before.items() if chosen is not None}
    if set(before.values()) <= {"eager"} or not cast(Any, model)._can_set_attn_implementation():
        yield
        return
    cast(Any, model).set_attn_implementation("eager")
    try:
        yield
    finally:
        cast(Any, model).set_attn_implementation(before)


@contextmanager
def weights_of(modules: Sequence[nn.Module], visit: Visit, name: str) -> Generator[None]:
    """Call `visit(layer, map)` with the second output of each module as it runs.

    Raises InputError on leaving when not each module has given exactly one map (B, H, T, T).
    """
    given: list[int] = []
    with ExitStack() as hooks:
        for layer, module in enumerate(modules):
            hooks.callback(module.register_forward_hook(partial(_hand_over, layer, given, visit)).remove)
        yield
    if given != list(range(len(modules))):
        raise InputError(f"{name}: gave {len(given)} attention maps for {len(modules)} blocks")


def reported_maps(output: Any, count: int, name: str) -> tuple[Tensor, ...]:
    """Return the attention maps in a model's output. Raises InputError when there is not one (B, H, T, T) a block."""
    maps: tuple[Any, ...] = getattr(output, "attentions", None) or ()
    found = tuple(weights for weights in maps if isinstance(weights, Tensor) and weights.ndim == 4)
    if len(found) != count:
        raise InputError(f"{name}: gave {len(found)} attention maps for {count} blocks")
    return found


def _hand_over(layer: int, given: list[int], visit: Visit, _module: nn.Module, _inputs: Any, output: Any) -> None:
    weights = output[1] if isinstance(output, tuple) and len(cast("tuple[Any, ...]", output)) > 1 else None
    if isinstance(weights, Tensor) and weights.ndim == 4:
        given.append(layer)
        visit(layer, weights.detach())
