"""Secondary sinks one by one: where their direction comes from, and what the size of the MLP's output does to them.

Source: arXiv 2512.22213, sections on the MLP pathway and the causal test, with the thresholds of the released code.
The layer looked at is the one that creates most of the tokens labelled secondary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from geomem.geometry.distance import spearman
from geomem.geometry.sink_pathway import mlp_pathway
from geomem.geometry.sink_scores import sink_scores, uniform_scores
from geomem.geometry.sinks import SinkLabel, Sinks, SinkScalars, find_sinks, same_token_others, sink_scalars
from geomem.interventions.hooks import entering, windows
from geomem.interventions.steer import rescale_aligned
from geomem.runs.tables import Measurement

if TYPE_CHECKING:
    from geomem.models.adapters.adapter import Adapter
    from geomem.studies.attention_sinks.settings import Reading

ALIGNED, INTACT = 0.98, 3
"""The causal test: cosine with the primary's MLP output from which a token counts, and first positions left alone."""
PROJECTIONS = (
    ("gate_proj", "up_proj", "act_fn", "down_proj"),
    ("", "c_fc", "act", "c_proj"),
    ("", "dense_h_to_4h", "act", "dense_4h_to_h"),
    ("", "fc1", "activation_fn", "fc2"),
)
"""What families call gate ("" for none), up projection, activation and down projection of an MLP."""


@dataclass
class Closely:
    """What was found: numbers, rows by layer or by norm, and arrays."""

    numbers: dict[str, float] = field(default_factory=dict[str, float])
    rows: list[Measurement] = field(default_factory=list[Measurement])
    arrays: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def add(self, metric: str, value: float, layer: int | None = None, step: int | None = None, of: str = "") -> None:
        """Add a row. of: whose it is ("" for the secondary sinks)."""
        self.rows.append(Measurement(metric=metric, layer=layer, step=step, condition=of, value=value))


@dataclass(frozen=True)
class Seen:
    """Windows (B, T) that a model has read: sinks, MLP outputs by block (L of (B, T, d)), sink scores (L, B, T).

    scores is None for a model without attention weights.
    """

    sinks: Sinks
    mlp: list[Tensor]
    scores: Float[Tensor, "l b t"] | None


@torch.no_grad()
def look_closely(adapter: Adapter, tokens: Int[Tensor, "b t"], reading: Reading) -> Closely:
    """Look at the secondary sinks of some windows; only their number where there is none."""
    found = Closely()
    if not adapter.blocks or adapter.mlp(0) is None:
        return found
    tokens = tokens.to(adapter.device)
    seen = read(adapter, tokens, reading.batch_tokens)
    secondary = seen.sinks.labels == SinkLabel.SECONDARY
    found.numbers["sinks/secondary"] = float(secondary.sum()) / len(tokens)
    layer = creation_layer(seen.sinks, secondary)
    _scores(found, seen, secondary, same_token_others(tokens, seen.sinks))
    if layer is None:
        return found
    found.numbers["sinks/creation"] = float(layer)
    created = secondary & (seen.sinks.creation == layer)
    _pathway(found, adapter, tokens, seen, layer, created)
    _rescale(found, adapter, tokens, seen, layer, reading)
    return found


def read(adapter: Adapter, tokens: Int[Tensor, "b t"], batch_tokens: int) -> Seen:
    """Run some windows, a batch at a time, under whatever interventions are open."""
    scalars: list[list[SinkScalars]] = []
    mlp: list[list[Tensor]] = []
    scores: list[Tensor] = []
    for part in tokens.split(max(1, batch_tokens // tokens.shape[1])):
        with adapter.record() as record:
            adapter.run(part)
        scalars.append([sink_scalars(stream) for stream in record.streams[1:]])
        mlp.append(list(record.mlp or []))
        if adapter.gives_maps:
            found: list[Tensor] = []
            adapter.visit_attention_maps(part, lambda _layer, maps, into=found: into.append(sink_scores(maps)))
            scores.append(torch.stack(found))
    sinks = find_sinks([_joined(layer) for layer in zip(*scalars, strict=True)])
    outputs = [torch.cat(layer) for layer in zip(*mlp, strict=True)]
    return Seen(sinks, outputs, torch.cat(scores, 1) if scores else None)


def creation_layer(sinks: Sinks, secondary: Bool[Tensor, "b t"]) -> int | None:
    """Return the layer that creates most secondary sinks, the earliest of equals; None when there is none."""
    layers = sinks.creation[secondary].sort().values.tolist()
    counts: Counter[int] = Counter(layers)
    return counts.most_common(1)[0][0] if counts else None


def projections(mlp: nn.Module) -> dict[str, Any] | None:
    """Return gate (None without one), up, activation and down of an MLP; None where the family is not known."""
    for gate, up, activation, down in PROJECTIONS:
        if all(hasattr(mlp, name) for name in (gate, up, activation, down) if name):
            return {
                "gate": getattr(mlp, gate) if gate else None,
                "up": getattr(mlp, up),
                "activation": getattr(mlp, activation),
                "down": getattr(mlp, down),
            }
    return None


def mlp_inputs(adapter: Adapter, layer: int, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    """Return what the MLP of a block reads."""
    module = adapter.mlp(layer)
    assert module is not None
    seen: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        seen.append(entering(inputs, named).detach())

    handle = module.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        adapter.run(tokens)
    finally:
        handle.remove()
    return windows(seen[-1], tokens.shape[1])


def _joined(parts: Sequence[SinkScalars]) -> SinkScalars:
    """Return the scalars of one layer over all batches."""
    return SinkScalars(
        torch.cat([part.norms for part in parts]),
        torch.cat([part.cosines for part in parts]),
        torch.cat([part.centred for part in parts]),
    )


def _scores(found: Closely, seen: Seen, secondary: Tensor, others: Tensor) -> None:
    """Add the mean sink score by block: of the primary, of secondary sinks, of other tokens with their ids."""
    if seen.scores is None:
        return
    primary = torch.zeros_like(secondary).scatter(1, seen.sinks.primary[:, None], value=True)
    uniform = uniform_scores(secondary.shape[1]).to(seen.scores).expand_as(seen.scores)
    groups = {"primary": primary, "": secondary, "others": others}
    for name, chosen in groups.items():
        chosen[:, -1] = False  # the last token has no query after it
        if not bool(chosen.any()):
            continue
        for layer, scores in enumerate(seen.scores):
            found.add("sinks/score", float(scores[chosen].mean()), layer=layer, of=name)
    if bool(secondary.any()):
        for layer in range(len(seen.scores)):
            found.add("sinks/score", float(uniform[layer][secondary].mean()), layer=layer, of="chance")


def _pathway(
    found: Closely, adapter: Adapter, tokens: Tensor, seen: Seen, layer: int, created: Bool[Tensor, "b t"]
) -> None:
    """Add the cosine with the primary at every step of the creating MLP, for the sinks and for tokens of their ids."""
    module = adapter.mlp(layer)
    steps = None if module is None else projections(module)
    if steps is None:
        return
    inputs = mlp_inputs(adapter, layer, tokens)
    wanted = tokens[created].unique()
    others = same_token_others(tokens, seen.sinks) & torch.isin(tokens, wanted)
    for name, chosen in (("", created), ("others", others)):
        parts = [
            mlp_pathway(inputs[row, chosen[row]], inputs[row, int(seen.sinks.primary[row])], **steps)
            for row in range(len(tokens))
            if bool(chosen[row].any())
        ]
        if not parts:
            continue
        found.numbers[f"pathway/{name or 'sinks'}"] = float(chosen.sum())
        for place, step in enumerate(parts[0]):
            values = torch.cat([part[step] for part in parts])
            found.add(f"pathway/{step}", float(values.mean()), step=place, of=name)


def _rescale(found: Closely, adapter: Adapter, tokens: Tensor, seen: Seen, layer: int, reading: Reading) -> None:
    """Give the MLP's output at aligned tokens other norms, and add lifetime and sink score; "step" numbers norms."""
    module = adapter.mlp(layer)
    assert module is not None
    output = seen.mlp[layer]
    rows = torch.arange(len(tokens), device=tokens.device)
    direction = output[rows, seen.sinks.primary].mean(0)
    aligned = F.cosine_similarity(output, direction, dim=-1) > ALIGNED
    aligned[:, :INTACT] = aligned[:, -1] = False
    found.numbers["causal/aligned"] = float(aligned.sum())
    if not bool(aligned.any()):
        return
    own = float(output[aligned].norm(dim=-1).mean())
    found.numbers["causal/norm"] = own
    life = max(1, round(float(seen.sinks.lifetime[aligned].double().mean())))
    after = slice(layer + 1, layer + 1 + life)
    lifetimes: list[float] = []
    scores: list[float] = []
    for number, multiple in enumerate(reading.norms):
        with rescale_aligned(module, direction, multiple * own, cosine=ALIGNED, intact=INTACT, length=tokens.shape[1]):
            changed = read(adapter, tokens, reading.batch_tokens)
        lifetimes.append(float(changed.sinks.lifetime[aligned].double().mean()))
        found.add("causal/multiple", multiple, step=number)
        found.add("causal/lifetime", lifetimes[-1], step=number)
        if changed.scores is not None:
            scores.append(float(changed.scores[after, aligned].mean()))
            found.add("causal/score", scores[-1], step=number)
    for name, values in (("lifetime", lifetimes), ("score", scores)):
        if values:
            found.numbers[f"causal/{name}_spearman"] = spearman(torch.tensor(reading.norms), torch.tensor(values))
