"""How each word-vector model is trained on a task, as one shape: a walk over its states, and what each can be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError
from geomem.geometry.next_token import cross_entropy, entropy_gap
from geomem.models.node2vec import Node2Vec
from geomem.models.node2vec_training import train_node2vec
from geomem.models.specs import Node2VecSpec, UnconstrainedFeaturesSpec
from geomem.models.unconstrained import UnconstrainedFeatures
from geomem.solvers.gradient_descent import descent
from geomem.solvers.ridge_path import walk_ridge_path
from geomem.spec import Spec
from geomem.tasks.streams import ContextStream
from geomem.tasks.task import Task

Record = Callable[[int, nn.Module, dict[str, float]], None]
"""Called with the step, the model as it is, and its numbers, `loss` among them."""


@dataclass(frozen=True)
class VectorCourse:
    """A training that is ready to begin.

    walk: trains, calling the recorder before the first step, every so many steps and after the last.
    gives: names of the evidence that a state gives to measurements. evidence: a model's own, by those names.
    """

    walk: Callable[[int, Record], None]
    gives: frozenset[str]
    evidence: Callable[[Any], dict[str, Tensor]]


def vector_course(spec: Spec, task: Task, seed: int) -> VectorCourse:
    """Prepare the training of a word-vector model on a task. Raises InputError when the task lacks what it needs."""
    if isinstance(spec, Node2VecSpec):
        return _node2vec(spec, task, seed)
    return _unconstrained(cast(UnconstrainedFeaturesSpec, spec), task, seed)


# -- Node2Vec: the edges of a graph -----------------------------------------------------------------------------------


def _node2vec(spec: Node2VecSpec, task: Task, seed: int) -> VectorCourse:
    known = task.evidence()
    edges = known.get("edges")
    if not isinstance(edges, Tensor):
        raise InputError(f"model node2vec: task '{task.name}' has no edges to place nodes by; use in-weights-edges")

    def walk(every: int, record: Record) -> None:
        train_node2vec(cast(int, known["num_nodes"]), edges, spec, seed, record_every=every,
                       callback=lambda step, model, loss: record(step, model, {"loss": loss}))  # fmt: skip

    def evidence(model: Node2Vec) -> dict[str, Tensor]:
        inputs, outputs = model.weight.detach(), model.output.detach()
        return {
            "embeddings": inputs.clone(),
            "output_embeddings": outputs.clone(),
            "edge_logits": inputs @ outputs.T,
        }

    return VectorCourse(walk, frozenset({"embeddings", "output_embeddings", "edge_logits"}), evidence)


# -- unconstrained features: the next-token matrix of distinct contexts ----------------------------------------------


def _unconstrained(spec: UnconstrainedFeaturesSpec, task: Task, seed: int) -> VectorCourse:
    whole = context_matrix(task)
    matrix = whole.compact()
    probs, shares = matrix.dense(), matrix.shares()
    fixed = {"next_token_probs": probs, "context_shares": shares}
    nodes = _one_context_a_node(whole, task)

    def walk(every: int, record: Record) -> None:
        if spec.optimiser == "gradient-descent":
            _descend(spec, probs, shares, seed, every, record)
        else:
            _walk_path(spec, probs, shares, seed, record)

    def evidence(model: UnconstrainedFeatures) -> dict[str, Tensor]:
        words, contexts = model.words.detach().clone(), model.contexts.detach().clone()
        found = {**fixed, "next_token_logits": words @ contexts, "context_vectors": contexts}
        if nodes:
            found |= {"embeddings": contexts.T, "output_embeddings": words, "edge_logits": (words @ contexts).T}
        return found

    own = {*fixed, "next_token_logits", "context_vectors"}
    of_nodes = {"embeddings", "output_embeddings", "edge_logits"} if nodes else set[str]()
    return VectorCourse(walk, frozenset(own | of_nodes), evidence)


def context_matrix(task: Task) -> ContextMatrix:
    """Return the distinct contexts that a task trains on. Raises InputError for a task that has none."""
    for stream in task.streams("train").values():
        if isinstance(stream, ContextStream):
            return stream.matrix
    raise InputError(
        f"model unconstrained-features: task '{task.name}' has no distinct contexts to give vectors to; "
        "use in-weights-edges or contexts"
    )


def _one_context_a_node(matrix: ContextMatrix, task: Task) -> bool:
    """Say whether context j stands for node j and next token i for node i, so that vectors are a graph's embeddings."""
    nodes = task.evidence().get("num_nodes")
    if not isinstance(nodes, int) or "edges" not in task.evidence() or len(matrix) != nodes:
        return False
    every = torch.arange(nodes)
    prefixes = task.edge_prefix_tokens()
    return torch.equal(matrix.types, every) and prefixes is not None and torch.equal(matrix.contexts, prefixes)


def _descend(
    spec: UnconstrainedFeaturesSpec, probs: Tensor, shares: Tensor, seed: int, every: int, record: Record
) -> None:
    model = UnconstrainedFeatures.from_seed(len(probs), len(shares), spec.width, spec.std, seed)
    for one in descent(model, probs, shares, spec.lr, spec.steps, spec.ridge, range(0, spec.steps, every)):
        _record(one.step, UnconstrainedFeatures(one.words, one.contexts), probs, shares, record)


def _walk_path(spec: UnconstrainedFeaturesSpec, probs: Tensor, shares: Tensor, seed: int, record: Record) -> None:
    first = UnconstrainedFeatures.from_seed(len(probs), len(shares), spec.width, spec.std, seed)
    _record(0, first, probs, shares, record)
    if not spec.ridges:
        return
    points = walk_ridge_path(probs, shares, spec.width, spec.ridges, seed, std=spec.std, max_iterations=spec.iterations)
    for step, point in enumerate(points, 1):
        own = {"ridge": point.ridge, "certificate": point.certificate}
        _record(step, UnconstrainedFeatures(point.words, point.contexts), probs, shares, record, own)


def _record(
    step: int, model: UnconstrainedFeatures, probs: Tensor, shares: Tensor, record: Record,
    own: dict[str, float] | None = None,
) -> None:  # fmt: skip
    logits = model.logits().detach()
    loss = float(cross_entropy(logits, probs, shares))
    record(step, model, {"loss": loss, "gap": float(entropy_gap(logits, probs, shares)), **(own or {})})
