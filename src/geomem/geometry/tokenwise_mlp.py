"""A tokenwise map with one hidden layer, trained by gradient descent on the bank (arXiv 2604.02459, shallow MLP)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.geometry.token_bank import TokenBank, require_tokens
from geomem.seeding import torch_generator

WIDTH = 4
"""Width of the hidden layer, in widths of the stream."""
BATCH = 256
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
MOST_EPOCHS = 200
PATIENCE = 8
HELD_OUT = 0.1
"""Share of the bank's windows on which training is stopped."""


def fit_mlp(bank: TokenBank, *, seed: int = 0) -> Callable[[TokenBank], Float[Tensor, "n d"]]:
    """Return y ≈ x + s (GELU(z A + a) B + b), hidden layer 4 d wide, z the standardised x, s the size of updates.

    AdamW on the mean squared error of the update, in float32; training stops after 8 epochs without a lower error on
    held-out windows of the bank, and the best weights are taken. The same seed gives the same map.
    """
    require_tokens(bank, 2, "a shallow network")
    x, u = bank.entering.float(), bank.updates.float()
    mean, spread = x.mean(0), x.std(0)
    spread = spread.where(spread > 0, 1.0)
    size = u.square().mean().sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    inputs, targets = (x - mean) / spread, u / size
    held = held_out_tokens(bank, seed)
    weights = _train(inputs[~held], targets[~held], inputs[held], targets[held], seed)

    def predict(tokens: TokenBank) -> Float[Tensor, "n d"]:
        rows = (tokens.entering.float() - mean) / spread
        return tokens.entering.double() + (size * _network(rows, weights)).double()

    return predict


def held_out_tokens(bank: TokenBank, seed: int) -> Bool[Tensor, " n"]:
    """Return which tokens training is stopped on: a tenth of the windows, or of the tokens if all are of one window."""
    generator = torch_generator(seed, "tokenwise", "held-out")
    windows = bank.windows.unique()
    if len(windows) > 1:
        count = max(1, round(HELD_OUT * len(windows)))
        return torch.isin(bank.windows, windows[torch.randperm(len(windows), generator=generator)[:count]])
    held = torch.zeros(len(bank), dtype=torch.bool)
    held[torch.randperm(len(bank), generator=generator)[: max(1, round(HELD_OUT * len(bank)))]] = True
    return held


def _train(x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor, seed: int) -> list[Tensor]:
    generator = torch_generator(seed, "tokenwise", "mlp")
    weights = _initial(x.shape[1], generator)
    optimiser = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    best, lowest, waited = [weight.detach().clone() for weight in weights], float("inf"), 0
    for _ in range(MOST_EPOCHS):
        for rows in torch.randperm(len(x), generator=generator).split(BATCH):
            optimiser.zero_grad()
            with torch.enable_grad():
                loss = F.mse_loss(_network(x[rows], weights), y[rows])
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            error = float(F.mse_loss(_network(held_x, weights), held_y))
        waited += 1
        if error < lowest:
            best, lowest, waited = [weight.detach().clone() for weight in weights], error, 0
        if waited == PATIENCE:
            break
    return best


def _initial(width: int, generator: torch.Generator) -> list[Tensor]:
    """Return A, a, B, b. The output layer starts at zero, so that training starts at "no update"."""
    hidden = WIDTH * width
    into = torch.randn(width, hidden, generator=generator) * width**-0.5
    shapes = [torch.zeros(hidden), torch.zeros(hidden, width), torch.zeros(width)]
    return [weight.requires_grad_() for weight in (into, *shapes)]


def _network(rows: Tensor, weights: list[Tensor]) -> Tensor:
    into, into_bias, out, out_bias = weights
    return F.gelu(rows @ into + into_bias) @ out + out_bias
