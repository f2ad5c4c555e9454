"""What a module returns, without its wrapping: a tensor or a tuple, depending on the architecture."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def first(output: Any) -> Tensor:
    """Return the tensor that a module returned, or the first one of its tuple."""
    return output[0] if isinstance(output, tuple) else output


def replaced(output: Any, tensor: Tensor) -> Any:
    """Return the same output with `tensor` in the place of its (first) tensor."""
    return (tensor, *output[1:]) if isinstance(output, tuple) else tensor
