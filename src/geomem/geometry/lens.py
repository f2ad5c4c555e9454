"""The logit lens: what the output layer would say at every depth.

Source: arXiv 2505.13898, logit lens (definitions as in its released code): tap the stream entering block l, apply the
final norm and the output layer. The divergence is KL(layer || final), layer first:
KL_l = sum_v p_l (log p_l - log p_final), in nats; overlap_l = |top5_l & top5_final| / 5. A KL that falls with depth
proves nothing alone (an untrained network's falls too, from a small height): read its height, and an untrained control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from geomem.geometry.vectors import row_chunks
from geomem.geometry.windows import LayerMeans

LENS_NAMES = ("kl", "overlap", "loss")
TOP = 5
LENS_ENTRIES = 1 << 22
"""Entries of a matrix of logits: twice the usual chunk, since an output layer needs some hundred rows to be fast."""


def kl_divergence(layer_logprobs: Float[Tensor, "n v"], final_logprobs: Float[Tensor, "n v"]) -> Float[Tensor, " n"]:
    """Return KL(layer || final) of every row of log-probabilities, in nats; rounding below 0 is cut off."""
    return torch.linalg.vecdot(layer_logprobs.exp(), layer_logprobs - final_logprobs).clamp(min=0)


def top_overlap(layer: Float[Tensor, "n v"], final: Float[Tensor, "n v"]) -> Float[Tensor, " n"]:
    """Return the share of the final five largest entries that are among the layer's five largest (all, if v < 5)."""
    count = min(TOP, final.shape[1])
    one, two = layer.topk(count).indices, final.topk(count).indices
    return (one[:, :, None] == two[:, None, :]).any(2).to(layer.dtype).mean(1)


def overlap_chance(vocabulary: int) -> float:
    """Return the expected overlap of five random tokens with the final five: 5 / V."""
    return min(TOP, vocabulary) / vocabulary


def lens_scalars(
    streams: Sequence[Float[Tensor, "*n d"]],
    logits_of: Callable[[Float[Tensor, "r d"]], Float[Tensor, "r v"]],
    labels: Int[Tensor, "*n"] | None = None,
    *,
    entries: int = LENS_ENTRIES,
) -> dict[str, Float[Tensor, " l *n"]]:
    """Return kl, overlap and (with labels) loss in nats of every token through the lens of each stream.

    streams: those to look through, the last being the one the model itself reads: its row has kl 0, overlap 1 and the
    model's own loss. logits_of: rows of a stream to logits (final norm, output layer and all that follows). labels: the
    right token for every row; leave out tokens that have none. entries: no matrix of logits is larger than this many
    numbers (at least one row); about five of them exist at a time. No gradient is kept.
    """
    flat = [stream.reshape(-1, stream.shape[-1]) for stream in streams]
    targets = None if labels is None else labels.reshape(-1, 1)
    count = len(flat[-1])
    names = LENS_NAMES if labels is not None else LENS_NAMES[:2]
    with torch.no_grad():
        width = logits_of(flat[-1][:1]).shape[-1]
        dtype = torch.promote_types(flat[-1].dtype, torch.float32)
        result = {name: flat[-1].new_empty((len(flat), count), dtype=dtype) for name in names}
        for rows in row_chunks(count, width, entries):
            final = _logprobs(logits_of, flat[-1][rows])
            for place, stream in enumerate(flat):
                here = final if place == len(flat) - 1 else _logprobs(logits_of, stream[rows])
                result["overlap"][place, rows] = top_overlap(here, final)
                if targets is not None:
                    result["loss"][place, rows] = -here.gather(1, targets[rows])[:, 0]
                result["kl"][place, rows] = kl_divergence(here, final)
    return {name: values.reshape(len(flat), *streams[-1].shape[:-1]) for name, values in result.items()}


def own_output(
    stream: Float[Tensor, "n d"],
    logits_of: Callable[[Float[Tensor, "r d"]], Float[Tensor, "r v"]],
    labels: Int[Tensor, " n"],
    *,
    entries: int = LENS_ENTRIES,
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Return the model's own loss in nats and its own choice (the token of the largest logit) at every token.

    stream: the one the model itself reads, before the final norm. labels: the right token for every row. entries: as
    for `lens_scalars`; no gradient is kept.
    """
    with torch.no_grad():
        width = logits_of(stream[:1]).shape[-1]
        loss = stream.new_empty(len(stream), dtype=torch.promote_types(stream.dtype, torch.float32))
        choice = torch.empty_like(labels)
        for rows in row_chunks(len(stream), width, entries):
            logits = logits_of(stream[rows])
            loss[rows] = torch.nn.functional.cross_entropy(logits.to(loss.dtype), labels[rows], reduction="none")
            choice[rows] = logits.argmax(-1)
    return loss, choice


class LogitLens(LayerMeans):
    """Streaming lens: `update` with {name: (l, b, t)} from `lens_scalars`; a bounded choice of tokens is enough.

    The lens costs one output layer a token and stream, often more than the model: give it some positions a window.
    """

    def __init__(self, layers: int) -> None:
        super().__init__(LENS_NAMES, layers)


def _logprobs(logits_of: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    logits = logits_of(rows)
    return torch.log_softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
