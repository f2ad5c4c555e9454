"""Recency: how much nearer a token's state is to that of the token just before it than to one further back.

Source: arXiv 2603.07475 compares recency of causal and diffusion language models; the operational definitions are ours.

(a) similarity recency rho_l = mean_t cos(h_l[t], h_l[t-1]) - mean_t cos(h_l[t], h_l[t-16]), raw and after subtracting
the layer's mean. Both means run over the same tokens t, those that have both predecessors, so that a position's own
effect cancels. 0 where order does not matter (shuffled tokens).
(b) influence recency: the change (total variation) of the output distribution at t when the token at t - k is
resampled; the ratio of k = 1 over k = 16, 1 where distance does not matter.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.windows import Estimate, LayerMeans, bootstrap_means, percentile_interval

NEAR, FAR = 1, 16
RECENCY_NAMES = ("raw", "raw_near", "raw_far", "centred", "centred_near", "centred_far")


def recency_keep(keep: Bool[Tensor, "b t"], near: int = NEAR, far: int = FAR) -> Bool[Tensor, "b u"]:
    """Return which tokens t = far..T-1 count: those kept with both their predecessors (u = t - far)."""
    return keep[:, far:] & keep[:, far - near : -near] & keep[:, :-far]


def recency_scalars(
    states: Float[Tensor, "b t d"],
    *,
    keep: Bool[Tensor, "b t"] | None = None,
    centre: Float[Tensor, " d"] | None = None,
    near: int = NEAR,
    far: int = FAR,
) -> dict[str, Float[Tensor, "b u"]]:
    """Return, for tokens t = far..T-1 of one layer (u = t - far), cosines with their predecessors and the differences.

    centre: the layer's mean, to be subtracted for the centred ones; by default each window's own mean over kept
    tokens, which needs no earlier look at the text. near, far: the two lags.
    Raises InputError when the lags are not 1 <= near < far, or a window is not longer than `far`.
    """
    if not 1 <= near < far:
        raise InputError(f"recency: lags need 1 <= near < far, got {near} and {far}")
    if states.shape[1] <= far:
        raise InputError(f"recency: windows need more than {far} tokens to look {far} back, got {states.shape[1]}")
    rows = states.to(torch.promote_types(states.dtype, torch.float32))
    mean = _window_means(rows, keep) if centre is None else centre.to(rows).expand(len(rows), 1, -1)
    # All products are taken of centred rows, and the raw ones put together from them: a large common part would
    # otherwise swallow the digits of the centred ones.
    centred = rows - mean
    along = (centred @ mean.mT)[..., 0]
    square = mean.square().sum(-1)
    size = torch.linalg.vector_norm(centred, dim=-1)
    raw_size = (size.square() + 2 * along + square).clamp(min=0).sqrt()
    result: dict[str, Tensor] = {}
    for name, lag in (("near", near), ("far", far)):
        now, past = slice(far, None), slice(far - lag, states.shape[1] - lag)
        dots = torch.linalg.vecdot(centred[:, now], centred[:, past])
        raw = dots + along[:, now] + along[:, past] + square
        result[f"raw_{name}"] = _quotient(raw, raw_size[:, now] * raw_size[:, past])
        result[f"centred_{name}"] = _quotient(dots, size[:, now] * size[:, past])
    for kind in ("raw", "centred"):
        result[kind] = result[f"{kind}_near"] - result[f"{kind}_far"]
    return result


class SimilarityRecency(LayerMeans):
    """Streaming recency: `update` with {name: (l, b, u)} from `recency_scalars` and the mask from `recency_keep`."""

    def __init__(self, layers: int) -> None:
        super().__init__(RECENCY_NAMES, layers)


def total_variation(first: Float[Tensor, "n v"], second: Float[Tensor, "n v"]) -> Float[Tensor, " n"]:
    """Return half the L1 distance of the softmaxes of two tables of logits, row by row; in [0, 1]."""
    dtype = torch.promote_types(first.dtype, torch.float32)
    return (first.softmax(-1, dtype=dtype) - second.softmax(-1, dtype=dtype)).abs().sum(-1) / 2


def influence_recency(near: Float[Tensor, " w"], far: Float[Tensor, " w"], *, seed: int = 0) -> Estimate:
    """Return mean(near) / mean(far) with its bootstrap interval over windows.

    near, far: for each window the mean change of the output when the token 1, or 16, back is resampled. Infinite or
    NaN where nothing far changes the output.
    """
    return percentile_interval(float(near.mean() / far.mean()), _ratios(near, far, seed, "first"), len(near))


def influence_difference(
    first: tuple[Float[Tensor, " w"], Float[Tensor, " w"]],
    second: tuple[Float[Tensor, " k"], Float[Tensor, " k"]],
    *,
    seed: int = 0,
) -> Estimate:
    """Return the difference of two models' influence recency, (near, far) each, with its bootstrap interval.

    The windows of the two are drawn independently. Positive where the first model looks more at what is near.
    """
    value = float(first[0].mean() / first[1].mean() - second[0].mean() / second[1].mean())
    drawn = _ratios(*first, seed, "first") - _ratios(*second, seed, "second")
    return percentile_interval(value, drawn, min(len(first[0]), len(second[0])))


def _ratios(near: Tensor, far: Tensor, seed: int, name: str) -> Tensor:
    drawn = bootstrap_means(torch.stack([near, far], 1), seed=seed, name=name)
    return drawn[:, 0] / drawn[:, 1]


def _window_means(rows: Tensor, keep: Tensor | None) -> Tensor:
    if keep is None:
        return rows.mean(1, keepdim=True)
    weights = keep.to(rows.dtype)
    return (weights[:, None] @ rows) / weights.sum(1).clamp(min=1)[:, None, None]


def _quotient(above: Tensor, below: Tensor) -> Tensor:
    return above / torch.where(below > 0, below, 1)
