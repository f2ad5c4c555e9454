"""Integrated gradients of a prediction with respect to what a module writes.

Source: arXiv 2505.13898 (released code), after Sundararajan et al. 2017: the module's output at all positions jointly
moves in a straight line from a baseline, its own mean over positions, to what it was; attribution(t) = sum over the
width of mean gradient x (actual - baseline). By completeness the attributions sum to the target's change between both
ends. The path is cut in 256 steps and read at their middles, which is exact for quadratic targets; 16 at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from geomem.interventions.hooks import EVERYWHERE, edited_output

STEPS = 256
BLOCK = 16


def integrated_gradients(
    module: nn.Module,
    target: Callable[[int], Tensor],
    *,
    steps: int = STEPS,
    block: int = BLOCK,
    length: int | None = None,
) -> Tensor:
    """Return the attribution (T,) of every position of what `module` writes, float64.

    target: called with a number n, runs the model with gradients on n copies of one window, through `module` once, and
    returns what is explained for each copy, (n,): for an answer, the sum over its tokens of their probability. Weights
    collect no gradients. See `edited_output` for `length`.
    """
    seen: list[Tensor] = []

    def look(_stream: Tensor, output: Tensor) -> Tensor:
        seen.append(output.detach())
        return output

    with torch.no_grad(), edited_output(module, look, EVERYWHERE, length=length):
        target(1)
    actual = seen[0]  # (1, T, d)
    baseline = actual.mean(1, keepdim=True)
    total = torch.zeros(actual.shape[1:], dtype=torch.float64, device=actual.device)
    for start in range(0, steps, block):
        numbers = torch.arange(start, min(start + block, steps), device=actual.device)
        share = ((numbers + 0.5) / steps).to(actual.dtype)[:, None, None]
        point = (baseline + share * (actual - baseline)).detach().requires_grad_()
        with (
            torch.enable_grad(),
            edited_output(module, lambda _stream, _output, at=point: at, EVERYWHERE, length=length),
        ):
            (gradient,) = torch.autograd.grad(target(len(numbers)).sum(), point)
        total += gradient.double().sum(0)
    return (total / steps * (actual - baseline)[0].double()).sum(-1)
