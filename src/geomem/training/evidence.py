"""Gather the tensors that measurements read, by name, from a task and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geomem.decoding.evaluating import evaluating
from geomem.errors import InputError
from geomem.geometry import MEASUREMENTS
from geomem.geometry.measurement import check, measure
from geomem.tasks.task import Task

_LOGIT_BYTES = 4 * 2**30
"""Largest table of logits, nodes x vocabulary, that a measurement may ask for: 32 000 nodes."""
_ROWS = 4096
"""Contexts a forward pass takes at once when logits of all nodes are asked for."""


def gather(task: Task, model: nn.Module, wanted: set[str]) -> dict[str, Any]:
    """Return what the task knows and what the model learned, on the CPU, under the measurements' argument names.

    embeddings, output_embeddings: (N, m), of all tokens for a task without nodes; token_table: (V, m); layer_weight:
    (m, m) where the model is one linear layer; edge_logits: (N, V) when wanted.
    """
    evidence: dict[str, Any] = dict(task.evidence())
    size = task.vocabulary.size  # tokens behind these are the objective's
    inputs, outputs = _table(model, "get_input_embeddings", size), _table(model, "get_output_embeddings", size)
    nodes = evidence.get("num_nodes", size)
    if inputs is not None:
        evidence |= {"token_table": inputs, "embeddings": inputs[:nodes]}
    if outputs is not None:
        evidence["output_embeddings"] = outputs[:nodes]
    layer = getattr(model, "linear", None)
    if isinstance(layer, nn.Linear):
        evidence["layer_weight"] = layer.weight.detach().float().cpu()
    if "edge_logits" in wanted:
        prefixes = task.edge_prefix_tokens()
        if prefixes is None:
            raise InputError(f"task {task.name} states no edges, so 'edge_logits' cannot be computed")
        evidence["edge_logits"] = next_token_logits(model, prefixes)[:, :size]
    return evidence


def check_measurements(names: Sequence[str], task: Task, model: nn.Module) -> None:
    """Check before the first step that every measurement will find its inputs. Raises InputError naming what lacks."""
    if names:
        known = set(gather(task, model, set()))
        prefixes = task.edge_prefix_tokens()
        check(names, known if prefixes is None else {*known, "edge_logits"})
        heavy = [name for name in names if "edge_logits" in MEASUREMENTS.get(name).inputs]
        nodes = 0 if prefixes is None else len(prefixes)
        size = 4 * nodes * task.vocabulary.size
        if heavy and size > _LOGIT_BYTES:
            raise InputError(
                f"measure: {', '.join(heavy)} would hold {size / 2**30:.0f} GiB of logits for "
                f"{nodes} nodes (limit {_LOGIT_BYTES / 2**30:.0f}); "
                "leave it out, edges/accuracy says how well edges are known"
            )


def measure_now(names: Sequence[str], task: Task, model: nn.Module) -> dict[str, float]:
    """Run registered measurements on a task and a model. Raises InputError when a measurement lacks its input."""
    if not names:
        return {}
    wanted: set[str] = set()
    for name in names:
        wanted |= set(MEASUREMENTS.get(name).inputs)
    evidence: Mapping[str, Any] = gather(task, model, wanted)
    return measure(names, evidence)


def next_token_logits(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return float32 logits (M, V) after each context (M, T), on the CPU, in eval mode."""
    device = next(model.parameters()).device
    with evaluating(model):
        parts = [model(input_ids=rows.to(device), logits_to_keep=1).logits[:, -1].float().cpu()
                 for rows in tokens.split(_ROWS)]  # fmt: skip
    return torch.cat(parts)


def _table(model: nn.Module, getter: str, size: int) -> Tensor | None:
    found = getattr(model, getter, lambda: None)()
    weight = getattr(found, "weight", None)
    return weight.detach()[:size].float().cpu() if isinstance(weight, Tensor) else None
