"""Energies of a softmax head read as an energy-based model, in a declared gauge, and what spills between two tokens.

Source: arXiv 2602.18671 and its released code. With f_i the logits after tokens x_0..x_i and beta the inverse
temperature: token energy E_i = -beta f_{i-1}[x_i], marginal energy Em_i = -logsumexp(beta f_i), and the signed spill
Delta_i = E_i - Em_i = logsumexp(beta f_i) - beta f_{i-1}[x_i].

Adding a constant c(x) to all logits of a context changes no probability and moves Delta by c(after) - c(before). So
Delta says nothing until the gauge is named: "raw" is the level that training happened to leave, "centred" takes the
mean over the vocabulary off each context. Centred, logsumexp(f) = -mean_v log p_v exactly: a property of the predicted
distribution, no density beside it. The first token is predicted from nothing and has no spill.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geomem.errors import InputError

Gauge = Literal["raw", "centred"]
GAUGES: tuple[Gauge, ...] = ("raw", "centred")
Pool = Literal["min", "max", "mean", "sum"]
POOLS: tuple[Pool, ...] = ("min", "max", "mean", "sum")


def in_gauge(logits: Float[Tensor, "*n v"], gauge: Gauge) -> Float[Tensor, "*n v"]:
    """Return logits (..., V) in a gauge, float64."""
    scores = logits.double()
    return scores - scores.mean(-1, keepdim=True) if gauge == "centred" else scores


def log_partition(
    logits: Float[Tensor, "*n v"], *, gauge: Gauge, beta: float = 1.0
) -> Float[Tensor, "*n"]:  # fmt: skip
    """Return logsumexp(beta f) of every context, float64: minus the marginal energy."""
    return (beta * in_gauge(logits, gauge)).logsumexp(-1)


def marginal_energy(logits: Float[Tensor, "*n v"], *, gauge: Gauge, beta: float = 1.0) -> Float[Tensor, "*n"]:
    """Return Em = -logsumexp(beta f) of every context, float64."""
    return -log_partition(logits, gauge=gauge, beta=beta)


def token_energy(
    logits: Float[Tensor, "*n t v"], tokens: Int[Tensor, "*n t"], *, gauge: Gauge, beta: float = 1.0
) -> Float[Tensor, "*n s"]:
    """Return E_i = -beta f_{i-1}[x_i] of tokens 1..T-1, (..., T - 1), float64.

    logits (..., T, V): row i follows tokens x_0..x_i. Raises InputError when the shapes do not fit.
    """
    _check(logits, tokens)
    before = in_gauge(logits[..., :-1, :], gauge)
    return -beta * before.gather(-1, tokens[..., 1:, None])[..., 0]


def spilled_energy(
    logits: Float[Tensor, "*n t v"], tokens: Int[Tensor, "*n t"], *, gauge: Gauge, beta: float = 1.0
) -> Float[Tensor, "*n s"]:
    """Return the signed Delta_i of tokens 1..T-1, (..., T - 1), float64. Raises InputError as `token_energy` does."""
    after = marginal_energy(logits[..., 1:, :], gauge=gauge, beta=beta)
    return token_energy(logits, tokens, gauge=gauge, beta=beta) - after


def surprise(logits: Float[Tensor, "*n t v"], tokens: Int[Tensor, "*n t"]) -> Float[Tensor, "*n s"]:
    """Return -log p(x_i | x_0..x_{i-1}) of tokens 1..T-1, (..., T - 1), float64: any energy is held against it."""
    return token_energy(logits, tokens, gauge="raw") + log_partition(logits[..., :-1, :], gauge="raw")


def pooled(values: Float[Tensor, "*n s"], keep: Bool[Tensor, "*n s"], how: Pool) -> Float[Tensor, "*n"]:
    """Return one number a sequence from those of its kept tokens, such as the tokens of an answer.

    Raises InputError for a sequence that keeps none.
    """
    if not bool(keep.any(-1).all()):
        raise InputError("keep: a sequence keeps no token, so there is nothing to pool")
    if how in ("min", "max"):
        worst = torch.inf if how == "min" else -torch.inf
        held = values.masked_fill(~keep, worst)
        return held.amin(-1) if how == "min" else held.amax(-1)
    total = values.masked_fill(~keep, 0).sum(-1)
    return total if how == "sum" else total / keep.sum(-1)


def auroc(normal: Float[Tensor, " n"], suspicious: Float[Tensor, " m"]) -> float:
    """Return the chance that a suspicious score is larger than a normal one, ties counted half: 0.5 says nothing.

    NaN where a score is not finite. Raises InputError when one side is empty.
    """
    from sklearn.metrics import roc_auc_score

    if len(normal) == 0 or len(suspicious) == 0:
        raise InputError("auroc: needs scores on both sides")
    scores = torch.cat([normal, suspicious]).double().cpu().numpy()
    if not np.isfinite(scores).all():
        return float("nan")
    return float(roc_auc_score(np.repeat([0, 1], [len(normal), len(suspicious)]), scores))


def _check(logits: Tensor, tokens: Tensor) -> None:
    if logits.shape[:-1] != tokens.shape or tokens.shape[-1] < 2:
        shapes = f"{tuple(logits.shape)} and {tuple(tokens.shape)}"
        raise InputError(f"energies: expected logits (..., T, V) and tokens (..., T), T > 1, got {shapes}")
