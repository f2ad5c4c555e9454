"""Attention sinks found in hidden states: the first token's, and the later tokens that take its direction.

Source: arXiv 2512.22213, section on detection, with the thresholds of its released code. Hidden states here are those
after each block (the embedding is no layer): layer l of this file is stream l + 1.

Detection per sequence: the primary p is, among the first two positions (three with a chat template), the one with the
largest norm averaged over layers. It is active from the layer its largest growth led to until the largest fall after.
A token t > p is flagged at an active layer if |cos(h[t], h[p])| > 0.9, and still so after the mean of the tokens that
are not near that direction is subtracted from both: in strongly anisotropic models every token has a high raw cosine.

Is there a sink at all? Norms decide: the primary is massive at a layer if |h[p]| is at least 3 times the median norm of
the sequence, and it is a sink if it is massive in at least half of its active layers. Networks without sinks have
ratios of 1.0 to 1.75, and a sink worth its name 5 and more (the gate for real checkpoints), so 3 stands at the same
factor from both. Without one nothing is flagged: closeness to an ordinary first token says nothing.

Beyond the paper's one range, layers where the primary is massive are active too: a model may make its sink twice.
SmolLM2-135M does, in blocks 2 to 8 (with some " the" as secondary sinks) and, larger, in blocks 11 to 27.

Three guards on the range: a primary that is large from the first block on starts at layer 0 (its growth there is taken
over the median token); a fall of less than a tenth of the norm is no end, and the range runs to the last layer; where
the largest growth is the last one, the range is the last layer alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchmetrics import Metric

from geomem.errors import InputError
from geomem.geometry.vectors import wilson_interval
from geomem.geometry.windows import Estimate, Estimates, window_gram, window_means

SINK_COSINE = 0.9
SINK_NORM_RATIO = 3.0
SMALLEST_FALL = 0.1
DEEP = 28
"""Depth from which the published labels are used: they were tuned on 28 to 64 layers."""


class SinkLabel(IntEnum):
    """What a token is, by the number of layers c at which it is flagged: see `label_bounds`."""

    NONE = 0
    NOISE = 1
    SECONDARY = 2
    PRIMARY_LIKE = 3


@dataclass(frozen=True)
class SinkScalars:
    """What the detector reads of one layer: (b, t) norms, and raw and centred cosines with the first P positions."""

    norms: Float[Tensor, "b t"]
    cosines: Float[Tensor, "b t p"]
    centred: Float[Tensor, "b t p"]


@dataclass(frozen=True)
class Sinks:
    """Sinks of B sequences. primary, start, end, present: (b,); the paper's active range is start..end-1.

    ratios: (l, b), |h[p]| over the median norm. active: (l, b), layers of the range and those where p is massive.
    flagged: (l, b, t). active and flagged are all False where no sink is present.
    """

    primary: Int[Tensor, " b"]
    start: Int[Tensor, " b"]
    end: Int[Tensor, " b"]
    present: Bool[Tensor, " b"]
    ratios: Float[Tensor, "l b"]
    active: Bool[Tensor, "l b"]
    flagged: Bool[Tensor, "l b t"]

    @property
    def lifetime(self) -> Int[Tensor, "b t"]:
        """Number of layers at which a token is flagged."""
        return self.flagged.sum(0)

    @property
    def creation(self) -> Int[Tensor, "b t"]:
        """First layer at which a token is flagged, -1 for none."""
        first = self.flagged.to(torch.uint8).argmax(0)
        return first.where(self.flagged.any(0), -1)

    @property
    def labels(self) -> Int[Tensor, "b t"]:
        """The `SinkLabel` of every token after the primary; 0 for the primary itself."""
        noise, primary = label_bounds(len(self.flagged))
        count = self.lifetime
        return (count > 0).long() + (count > noise).long() + (count >= primary).long()

    def levels(self) -> Counter[tuple[int, int]]:
        """Count (creation layer, lifetime) over the tokens labelled secondary: claimed to take few distinct values."""
        chosen = self.labels == SinkLabel.SECONDARY
        pairs = torch.stack([self.creation[chosen], self.lifetime[chosen]], 1)
        return Counter((int(one), int(two)) for one, two in pairs.tolist())


def label_bounds(depth: int) -> tuple[float, float]:
    """Return (noise, primary): c <= noise layers is noise, c >= primary is primary-like, secondary lies between.

    From 28 layers on the published 4 and L - 15; below, the depth-relative max(2, 0.12 L) and 0.6 L.
    """
    return (4, depth - 15) if depth >= DEEP else (max(2, 0.12 * depth), 0.6 * depth)


def sink_scalars(states: Float[Tensor, "b t d"], positions: int = 2) -> SinkScalars:
    """Read one layer's states for the detector, in a few runs through memory; float32 (float64 for float64 input).

    positions: how many first positions may hold the primary sink: 2, or 3 with a chat template.
    Raises InputError when the windows have no token after those.
    """
    if states.shape[1] <= positions:
        raise InputError(f"sinks: windows need more than {positions} tokens, got {states.shape[1]}")
    rows = states.to(torch.promote_types(states.dtype, torch.float32))
    norms = torch.linalg.vector_norm(rows, dim=-1)
    first = rows[:, :positions]
    dots = rows @ first.mT
    cosines = _quotient(dots, norms[:, :, None] * norms[:, None, :positions])
    mean = _background(cosines).mT @ rows
    # (x - m).(p - m) from products of the rows themselves: exact enough for a threshold, and no copy is made.
    along, square = rows @ mean.mT, mean.square().sum(-1)[:, None]
    own = along[:, :positions].diagonal(dim1=1, dim2=2)[:, None]
    sizes = (norms.square()[:, :, None] - 2 * along + square).clamp(min=0).sqrt()
    own_sizes = sizes[:, :positions].diagonal(dim1=1, dim2=2)[:, None]
    centred = _quotient(dots - along - own + square, sizes * own_sizes)
    return SinkScalars(norms, cosines, centred)


def find_sinks(layers: list[SinkScalars]) -> Sinks:
    """Detect the sinks of B sequences from the scalars of all layers, in order, the first being after block 0."""
    norms = torch.stack([layer.norms for layer in layers])
    positions = layers[0].cosines.shape[-1]
    primary = norms[:, :, :positions].mean(0).argmax(1)
    own = norms.gather(2, primary.expand(len(layers), -1)[..., None])[..., 0]
    medians = norms.median(2).values
    start, end = active_range(own, medians[0])
    layer = torch.arange(len(layers), device=norms.device)[:, None]
    ratios = own / medians.clamp(min=torch.finfo(own.dtype).tiny)
    massive = ratios >= SINK_NORM_RATIO
    active = ((layer >= start) & (layer < end)) | massive
    present = 2 * massive.sum(0) >= active.sum(0)
    active &= present
    after = torch.arange(norms.shape[2], device=norms.device) > primary[:, None]
    place = primary[:, None, None].expand(-1, norms.shape[2], 1)
    near = torch.stack([
        (one.cosines.gather(2, place)[..., 0].abs() > SINK_COSINE)
        & (one.centred.gather(2, place)[..., 0].abs() > SINK_COSINE)
        for one in layers
    ])  # fmt: skip
    return Sinks(primary, start, end, present, ratios, active, near & after & active[..., None])


def detect_sinks(states: Float[Tensor, "l b t d"], positions: int = 2) -> Sinks:
    """Detect the sinks of B sequences from their states after every block."""
    return find_sinks([sink_scalars(layer, positions) for layer in states])


def active_range(
    norms: Float[Tensor, "l b"], ordinary: Float[Tensor, " b"]
) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
    """Return start and end: the primary is active at layers start..end-1, never an empty range.

    norms: the primary's at every layer. ordinary: the median norm at layer 0. start = 1 + argmax of the growth
    n[l + 1] - n[l], end = start + 1 + argmin of the growth at later layers, with the guards of this file's heading.
    """
    depth = len(norms)
    growth = torch.cat([(norms[0] - ordinary)[None], norms.diff(dim=0)])
    start = growth.argmax(0)
    layer = torch.arange(depth, device=norms.device)[:, None]
    falls = (-growth).masked_fill(layer <= start, -torch.inf)
    fall, at = falls.max(0)
    before = norms.gather(0, (at - 1).clamp(min=0)[None])[0]
    ends = fall >= SMALLEST_FALL * before
    return start, torch.where(ends, at, depth)


def keep_mask(sinks: Sinks) -> Bool[Tensor, "b t"]:
    """Return which tokens other measurements should use: those after the primary sink that are never flagged.

    Whatever its label: a token flagged at few layers only still carries the sink's norm and direction there. All True
    for a sequence without a sink.
    """
    flagged = sinks.flagged.any(0)
    place = torch.arange(flagged.shape[1], device=flagged.device)
    return ~flagged & ((place > sinks.primary[:, None]) | ~sinks.present[:, None])


def same_token_others(tokens: Int[Tensor, "b t"], sinks: Sinks) -> Bool[Tensor, "b t"]:
    """Return the comparison set "others": tokens with the id of some flagged one that are not sinks themselves."""
    flagged = sinks.flagged.any(0)
    return torch.isin(tokens, tokens[flagged]) & keep_mask(sinks)


class SinkCounts(Metric):
    """Streaming summary of the sinks of many sequences; the states are plain sums. layers: L blocks."""

    full_state_update = False
    gram: Tensor
    labels: Tensor
    pairs: Tensor
    sequences: Tensor
    left_out: Tensor

    def __init__(self, layers: int) -> None:
        super().__init__(compute_with_cache=False)
        size = layers + 2
        self.add_state("gram", torch.zeros(3, size, size, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("labels", torch.zeros(len(SinkLabel), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("pairs", torch.zeros(layers, layers + 1, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("sequences", torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("left_out", torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, sinks: Sinks) -> None:
        """Add the sequences of one batch."""
        totals = torch.stack([sinks.ratios.double(), sinks.active.double(), sinks.flagged.sum(2).double()])
        self.gram += window_gram(totals.permute(2, 0, 1), torch.ones_like(sinks.start))
        self.labels += torch.bincount(sinks.labels.flatten(), minlength=len(SinkLabel))
        for (creation, lifetime), count in sinks.levels().items():
            self.pairs[creation, lifetime] += count
        self.sequences += torch.stack([sinks.present.sum(), torch.tensor(len(sinks.present)).to(sinks.start)])
        keep = keep_mask(sinks)
        self.left_out += torch.stack([(~keep).sum(), torch.tensor(keep.numel()).to(sinks.start)])

    def compute(self) -> dict[str, Estimates]:
        """Return means over sequences at every layer, (l,), with 95 % intervals.

        norm_ratio: the primary's norm over the median norm. active: share of sequences whose sink is active there.
        flagged: flagged tokens a sequence.
        """
        return {name: window_means(self.gram[place]) for place, name in enumerate(("norm_ratio", "active", "flagged"))}

    def present_share(self) -> Estimate:
        """Return the share of sequences with a primary sink, with its Wilson interval."""
        found, count = self.sequences.tolist()
        return Estimate(found / max(1, count), *wilson_interval(found, count))

    def left_out_share(self) -> float:
        """Return the share of tokens that `keep_mask` leaves out."""
        return float(self.left_out[0] / self.left_out[1].clamp(min=1))

    def label_counts(self) -> dict[str, int]:
        """Return the number of tokens with each label, by its lower-case name."""
        return {label.name.lower(): int(self.labels[label]) for label in SinkLabel}

    def levels(self) -> Counter[tuple[int, int]]:
        """Return how many secondary sinks have each (creation layer, lifetime)."""
        places = torch.nonzero(self.pairs).tolist()
        return Counter({(one, two): int(self.pairs[one, two]) for one, two in places})


def _background(cosines: Float[Tensor, "b t p"]) -> Float[Tensor, "b t p"]:
    """Weights of the mean of the tokens not near each first position, which sum to 1 over tokens.

    Where more than half of the tokens are near, that direction is everybody's: the mean of all others is taken.
    """
    far = cosines.abs() <= SINK_COSINE
    count = cosines.shape[1]
    others = torch.ones_like(far)
    others[:, : cosines.shape[2]] = ~torch.eye(cosines.shape[2], dtype=torch.bool, device=far.device)
    chosen = torch.where(2 * far.sum(1, keepdim=True) >= count, far, others).to(cosines.dtype)
    return chosen / chosen.sum(1, keepdim=True)


def _quotient(above: Tensor, below: Tensor) -> Tensor:
    return above / torch.where(below > 0, below, 1)
