"""What a family of measurements is to the pass: it reads slabs, keeps sums, and turns them into rows at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor
from torchmetrics import Metric

from geomem.geometry.lens import own_output
from geomem.geometry.updates import MlpInput
from geomem.probing.plan import Plan
from geomem.probing.rerun import chosen_layers
from geomem.probing.rows import Rows
from geomem.probing.sample import Sample
from geomem.probing.slab import Slab
from geomem.probing.spec import ProbeSpec


@dataclass(frozen=True)
class Shape:
    """What the families need to know of a model before the pass.

    layers: number of blocks L. width: d. vocabulary: V. heads: attention heads of a block (1 without attention).
    attention, mlp: whether what they write can be read. maps: whether there are attention weights.
    causal: whether it predicts the next token. head: whether it has an output layer. blocks: whether its blocks can be
    told apart (else the last stream is the hidden state after the final norm).
    """

    layers: int
    width: int
    vocabulary: int
    heads: int
    attention: bool
    mlp: bool
    maps: bool
    causal: bool
    head: bool
    blocks: bool = True
    mlp_input: MlpInput = "after-attention"


@dataclass(frozen=True)
class Ended:
    """What there is to read when the pass is over: the sample, the plan, and the model for what it computes alone."""

    sample: Sample
    plan: Plan
    adapter: Any
    shape: Shape
    spec: ProbeSpec

    @cached_property
    def output(self) -> tuple[Tensor, Tensor]:
        """The loss in nats and the token chosen at every sampled token of a causal model, each (n,), computed once."""
        device = self.adapter.device
        return own_output(self.sample.streams[-1].to(device), self.adapter.logits, self.sample.targets.to(device))


class Family(ABC):
    """One family in one pass.

    layers: the streams 0..L to measure, ascending; all unless `--layers` says which.
    name: as `--measure` knows it. needs: what of a model it cannot do without, by the names of `Shape`'s bools; without
    one the family is left out and the report says so.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, shape: Shape, spec: ProbeSpec, plan: Plan) -> None:
        self.shape, self.spec, self.plan = shape, spec, plan
        self.layers = chosen_layers(spec.layers or None, shape.layers + 1, "--layers")
        self.metrics: dict[str, Metric] = {}

    @abstractmethod
    def update(self, slab: Slab) -> None:
        """Read one slab."""

    def attend(self, layer: int, weights: Tensor) -> None:
        """Read the attention weights (B, H, T, T) of one block, where they are asked for. Most families need none."""
        del layer, weights

    @abstractmethod
    def results(self, rows: Rows, ended: Ended) -> None:
        """Add rows and arrays when all slabs have been read."""

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the states of all metrics, which merge by addition (or, for lists, one after the other)."""
        return {name: dict(metric.metric_state) for name, metric in self.metrics.items()}

    def merge(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Add the state of another shard, or of an earlier attempt."""
        for name, values in state.items():
            metric = self.metrics[name]
            metric.merge_state(dict(values))
            # Else torchmetrics warns that nothing was ever updated, though a merge has filled the states.
            metric._update_count = max(1, metric._update_count)  # pyright: ignore[reportPrivateUsage]
