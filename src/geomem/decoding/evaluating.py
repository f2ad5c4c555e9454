"""A model as it is when it is asked: eval mode, no gradients."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Switch a model to eval mode without gradients; afterwards every module has the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def unwrap(model: Any) -> nn.Module:
    """Return the model inside Fabric's, DDP's and torch.compile's wrappers."""
    inner = getattr(model, "_forward_module", model)
    inner = getattr(inner, "module", inner)
    return cast(nn.Module, getattr(inner, "_orig_mod", inner))
