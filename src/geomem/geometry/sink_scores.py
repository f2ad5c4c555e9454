"""How much attention a sink draws: sink scores of all tokens, and the share of sequences in which a head has a sink.

Source: arXiv 2512.22213 for the sink score of a column; the epsilon-sink rate is the standard one of earlier work on
the first token. Attention maps are (heads, queries, keys), rows summing to 1; take them from a model that really
returns them (fused kernels do not). Reference: under uniform causal attention a query t' gives 1 / (t' + 1) to each
token it sees.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.geometry.vectors import wilson_interval
from geomem.geometry.windows import Estimates, window_gram, window_means

EPSILON = 0.3
FIRST_QUERY = 8
"""The first queries see few tokens and give each of them much: they are left out."""


def sink_scores(maps: Float[Tensor, "b h t t"]) -> Float[Tensor, "b t"]:
    """Return s(t) = mean over heads and over queries t' > t of A[h, t', t]; NaN for the last token, float64."""
    mean = maps.mean(1, dtype=torch.float64)
    later = torch.arange(mean.shape[-1] - 1, -1, -1, device=maps.device)
    return mean.tril(-1).sum(1) / later


def uniform_scores(tokens: int) -> Float[Tensor, " t"]:
    """Return the sink scores under uniform causal attention: mean over t' > t of 1 / (t' + 1); NaN for the last."""
    share = 1 / torch.arange(1, tokens + 1, dtype=torch.float64)
    later = share.flip(0).cumsum(0).flip(0) - share
    return later / torch.arange(tokens - 1, -1, -1)


def first_attention(maps: Float[Tensor, "b h t t"]) -> Float[Tensor, "b h"]:
    """Return the mean attention to position 0 over queries from 8 on, of every head, float64.

    Raises InputError when the windows have no such query.
    """
    if maps.shape[-1] <= FIRST_QUERY:
        raise InputError(f"sink rates: windows need more than {FIRST_QUERY} tokens, got {maps.shape[-1]}")
    return maps[:, :, FIRST_QUERY:, 0].mean(-1, dtype=torch.float64)


def uniform_first_attention(tokens: int) -> float:
    """Return what `first_attention` is under uniform causal attention in windows of that length."""
    return float((1 / torch.arange(FIRST_QUERY + 1, tokens + 1, dtype=torch.float64)).mean())


def sink_rates(maps: Float[Tensor, "b h t t"], epsilon: float = EPSILON) -> Float[Tensor, " h"]:
    """Return each head's epsilon-sink rate: share of sequences that give position 0 more than epsilon on average."""
    return (first_attention(maps) > epsilon).double().mean(0)


class SinkRates(Metric):
    """Streaming rates and mean attention to position 0 by layer and head; sequences are the unit, states are sums.

    layers, heads: of the model. epsilon: what counts as a sink.
    """

    full_state_update = False
    gram: Tensor
    hits: Tensor
    sequences: Tensor
    uniform: Tensor

    def __init__(self, layers: int, heads: int, epsilon: float = EPSILON) -> None:
        super().__init__(compute_with_cache=False)
        self.epsilon = epsilon
        self.add_state("gram", torch.zeros(layers, heads + 3, heads + 3, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("hits", torch.zeros(layers, heads, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("sequences", torch.zeros(layers, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("uniform", torch.zeros(layers, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, layer: int, maps: Float[Tensor, "b h t t"]) -> None:
        """Add one layer's maps of a batch of sequences; the maps may be dropped afterwards."""
        attention = first_attention(maps)
        both = torch.cat([attention, attention.mean(1, keepdim=True)], 1)
        self.gram[layer] += window_gram(both, torch.ones(len(maps), device=maps.device))
        self.hits[layer] += (attention > self.epsilon).sum(0)
        self.sequences[layer] += len(maps)
        self.uniform[layer] += len(maps) * uniform_first_attention(maps.shape[-1])

    def compute(self) -> dict[str, Estimates]:
        """Return, with 95 % intervals over sequences, all (l, h) but the last, which is (l,).

        rate: epsilon-sink rate (Wilson interval). attention: mean attention to position 0. attention_layer: the same
        averaged over heads. Layers that never came are NaN.
        """
        means = window_means(self.gram)
        parts = (means.value, means.low, means.high)
        return {
            "rate": self._rates(),
            "attention": Estimates(*(part[:, :-1] for part in parts)),
            "attention_layer": Estimates(*(part[:, -1] for part in parts)),
        }

    def reference(self) -> Float[Tensor, " l"]:
        """Return the attention to position 0 that uniform causal attention would give in the same windows."""
        return self.uniform / self.sequences

    def _rates(self) -> Estimates:
        count = self.sequences[:, None].expand_as(self.hits)
        bounds = [
            wilson_interval(hit, of)
            for hit, of in zip(self.hits.flatten().tolist(), count.flatten().tolist(), strict=True)
        ]
        low, high = self.uniform.new_tensor(bounds).T.reshape(2, *self.hits.shape)
        return Estimates(self.hits / count.double(), low, high)
