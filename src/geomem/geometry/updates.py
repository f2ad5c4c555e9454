"""What each block adds to the residual stream: relative norms and cosines.

Source: arXiv 2505.13898, norm battery (definitions as in its released code); S_l = cos(h_l, h_{l+1}) is that of
arXiv 2603.07475, section 2. With h_l the stream entering block l, a_l and m_l what attention (or a state-space mixer)
and MLP add, x_l the stream the MLP's output is added to:

    stream_norm |h|           attention_norm |a|               mlp_norm |m|               update_norm |u|
    stream_cosine cos(h',h)   attention_ratio |a| / |h|        mlp_ratio |m| / |x|        update_ratio |u| / |h|
                              attention_cosine cos(a, h)       mlp_cosine cos(m, x)       update_cosine cos(u, h)

h' = h_{l+1}; u = a + m in pre-norm blocks, h' - h where a part is missing or a norm stands behind the addition.
Falling ratios partly reflect that |h| grows: read the norms beside them, and an untrained control. Cosines of random
directions are 0 with standard deviation 1/sqrt(d): `random_cosine`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geomem.geometry.vectors import Z95, row_chunks
from geomem.geometry.windows import LayerMeans

MlpInput = Literal["after-attention", "block-input", "normed"]
"""What an MLP's output is added to: h + a (sequential), h (parallel blocks), or a normed stream (post-norm, BERT)."""

UPDATE_NAMES = (
    *("stream_norm", "attention_norm", "mlp_norm", "update_norm"),
    *("attention_ratio", "mlp_ratio", "update_ratio"),
    *("attention_cosine", "mlp_cosine", "update_cosine", "stream_cosine"),
)
SMALLEST = 1e-6
"""Denominators are clamped here, as in the released code."""
CHUNK = 1 << 17
"""Entries of a chunk: small enough that a chunk's passes run in the cache, and memory is read about once."""


def random_cosine(width: int) -> float:
    """Return the half width of the central 95 % of cosines between random directions in `width` dimensions."""
    return Z95 / math.sqrt(width)


def update_scalars(
    stream: Float[Tensor, "*n d"],
    attention: Float[Tensor, "*n d"] | None,
    mlp: Float[Tensor, "*n d"] | None,
    mlp_input: MlpInput,
    next_stream: Float[Tensor, "*n d"],
) -> dict[str, Float[Tensor, "*n"]]:
    """Return the battery of one block for every token, by name; what a missing part would give is absent.

    Computed in float32 (float64 for float64 input) in one run through memory. `mlp_ratio` and `mlp_cosine` are absent
    for "normed", whose x is neither of the given streams.
    """
    tensors = (stream, attention, mlp, next_stream)
    flat = [None if part is None else part.reshape(-1, part.shape[-1]) for part in tensors]
    count, width = stream.shape[:-1].numel(), stream.shape[-1]
    dtype = torch.promote_types(stream.dtype, torch.float32)
    result: dict[str, Tensor] = {}
    for rows in row_chunks(count, width, CHUNK):
        h, a, m, after = (None if part is None else part[rows].to(dtype) for part in flat)
        assert h is not None
        assert after is not None
        for name, values in _battery(h, a, m, mlp_input, after).items():
            result.setdefault(name, stream.new_empty(count, dtype=dtype))[rows] = values
    return {name: values.reshape(stream.shape[:-1]) for name, values in result.items()}


def update_norms(
    streams: Float[Tensor, "l1 b t d"],
    attention: Float[Tensor, "l b t d"] | None,
    mlp: Float[Tensor, "l b t d"] | None,
    mlp_input: MlpInput,
    keep: Bool[Tensor, "b t"] | None = None,
) -> dict[str, Float[Tensor, " l"]]:
    """Return the exact mean over kept tokens of every number at every block, from all streams (l1 = l + 1), float64."""
    kept = streams.new_ones(streams.shape[1:3], dtype=torch.bool) if keep is None else keep
    rows: dict[str, list[Tensor]] = {}
    for block in range(len(streams) - 1):
        a, m = (None if part is None else part[block].double() for part in (attention, mlp))
        found = update_scalars(streams[block].double(), a, m, mlp_input, streams[block + 1].double())
        for name, values in found.items():
            rows.setdefault(name, []).append(values[kept].mean())
    return {name: torch.stack(values) for name, values in rows.items()}


def adjacent_cosines(streams: Sequence[Float[Tensor, "*n d"]]) -> Float[Tensor, " l *n"]:
    """Return the token-wise map cos(h_l, h_{l+1}) of l + 1 streams; its mean over tokens is S_l."""
    pairs = itertools.pairwise(streams)
    return torch.stack([update_scalars(one, None, None, "normed", two)["stream_cosine"] for one, two in pairs])


class UpdateNorms(LayerMeans):
    """Streaming battery: `update` with {name: (l, b, t)}, the results of `update_scalars` stacked over blocks."""

    def __init__(self, layers: int) -> None:
        super().__init__(UPDATE_NAMES, layers)


def _battery(h: Tensor, a: Tensor | None, m: Tensor | None, mlp_input: MlpInput, after: Tensor) -> dict[str, Tensor]:
    """The numbers of one chunk of tokens; norms are taken of the vectors themselves, so nothing cancels."""
    size = _norms(h)
    found = {"stream_norm": size, "stream_cosine": _cosines(h, after, size, _norms(after))}
    if a is not None:
        found |= _part("attention", a, h, size)
    if m is not None:
        found["mlp_norm"] = _norms(m)
        if mlp_input == "block-input":
            found |= _part("mlp", m, h, size)
        elif mlp_input == "after-attention" and a is not None:
            before = h + a
            found |= _part("mlp", m, before, _norms(before))
    update = a + m if a is not None and m is not None and mlp_input != "normed" else after - h
    return found | _part("update", update, h, size)


def _part(name: str, part: Tensor, base: Tensor, base_norms: Tensor) -> dict[str, Tensor]:
    norms = _norms(part)
    return {
        f"{name}_norm": norms,
        f"{name}_ratio": norms / base_norms.clamp(min=SMALLEST),
        f"{name}_cosine": _cosines(part, base, norms, base_norms),
    }


def _norms(rows: Tensor) -> Tensor:
    return torch.linalg.vector_norm(rows, dim=-1)


def _cosines(one: Tensor, two: Tensor, one_norms: Tensor, two_norms: Tensor) -> Tensor:
    """Cosines of rows; 0 where one is the zero vector, as a cosine with nothing."""
    bottom = one_norms * two_norms
    return torch.linalg.vecdot(one, two) / torch.where(bottom > 0, bottom, 1)
