from __future__ import annotations

from contextlib import ExitStack

import pytest
import torch
from torch import nn

from geomem.geometry.sinks import SinkLabel, detect_sinks
from geomem.interventions.steer import add_to_output
from geomem.models.adapters import adapt
from geomem.models.specs import ArchitectureSpec
from geomem.spec import validate
from geomem.studies.attention_sinks.network import FACTOR, SECONDARY, Planted, plant
from geomem.studies.attention_sinks.planted import TOKENS, planted_streams
from geomem.studies.attention_sinks.secondary import (
    Closely,
    creation_layer,
    look_closely,
    mlp_inputs,
    projections,
    read,
)
from geomem.studies.attention_sinks.settings import Network, Reading

SMALL = Network(width=32, windows=4, context=48, marked=24, directions=4, sizes=5)
READING = Reading(norms=(0.25, 1.0, 2.0))


@pytest.fixture(scope="module")
def network() -> Planted:
    return plant(SMALL, 1)


@pytest.fixture(scope="module")
def closely(network: Planted) -> Closely:
    """A network whose block 5 writes a vector at marked tokens and, as it does at the primary, the same direction.

    Primary and secondary sinks are made by the same MLP, so that its output at both points one way.
    """
    direction = torch.zeros(SMALL.width)
    direction[3] = 1.0
    begin, end = SECONDARY
    size = FACTOR * float(network.norms[begin])
    first, marked = network.first, network.marked
    with ExitStack() as stack:
        for block, sign in ((begin, 1), (end, -1)):
            for where, factor in ((first, 2.0), (marked, 1.0)):
                vector = sign * factor * size * direction
                stack.enter_context(add_to_output(network.module(block), vector, where))
        return look_closely(network.adapter, network.tokens, READING)


def test_the_layer_that_creates_most_is_looked_at() -> None:
    sinks = detect_sinks(planted_streams(80, 0))
    secondary = sinks.labels == SinkLabel.SECONDARY
    assert torch.nonzero(secondary[0]).flatten().tolist() == list(TOKENS)
    assert creation_layer(sinks, secondary) == 5
    assert creation_layer(sinks, torch.zeros_like(secondary)) is None


def test_secondary_sinks_draw_attention_and_their_number_is_told(closely: Closely, network: Planted) -> None:
    assert closely.numbers["sinks/secondary"] == pytest.approx(int(network.marked.sum()) / SMALL.windows)
    assert closely.numbers["sinks/creation"] == SECONDARY[0]
    scores = {row.layer for row in closely.rows if row.metric == "sinks/score" and row.condition == ""}
    assert scores == set(range(12))
    assert {row.condition for row in closely.rows if row.metric == "sinks/score"} >= {"", "primary", "chance"}


def test_the_pathway_ends_where_the_vector_is_written(closely: Closely) -> None:
    """Steps of the MLP in order. The vector is added after the output, so that no inner step is alike."""
    rows = [row for row in closely.rows if row.metric.startswith("pathway/") and row.condition == ""]
    assert [row.metric for row in rows] == [
        f"pathway/{step}" for step in ("input", "gate", "up", "activated", "product", "output")
    ]
    assert [row.step for row in rows] == list(range(6))
    assert all(abs(row.value) < 0.6 for row in rows)


def test_the_causal_test_changes_lifetime_and_attention(closely: Closely, network: Planted) -> None:
    assert closely.numbers["causal/aligned"] == int(network.marked.sum())
    own = FACTOR * float(network.norms[SECONDARY[0]])
    assert closely.numbers["causal/norm"] == pytest.approx(own, rel=0.2)
    columns = {
        name: [row.value for row in closely.rows if row.metric == f"causal/{name}"]
        for name in ("multiple", "lifetime", "score")
    }
    assert columns["multiple"] == [0.25, 1.0, 2.0]
    assert columns["lifetime"] == sorted(columns["lifetime"])
    assert columns["lifetime"][1] == SECONDARY[1] - SECONDARY[0]
    assert len(set(columns["score"])) == 3
    assert closely.numbers["causal/lifetime_spearman"] > 0.8


def test_batches_change_nothing(network: Planted) -> None:
    together, apart = (read(network.adapter, network.tokens, tokens) for tokens in (10_000, 1))
    assert torch.allclose(together.sinks.ratios, apart.sinks.ratios)
    assert torch.equal(together.sinks.flagged, apart.sinks.flagged)
    assert len(together.mlp) == 12
    for one, two in zip(together.mlp, apart.mlp, strict=True):
        assert torch.allclose(one, two, atol=1e-5)
    assert together.scores is not None
    assert apart.scores is not None
    assert together.scores.shape == (12, SMALL.windows, SMALL.context)
    assert torch.allclose(together.scores[:, :, :-1], apart.scores[:, :, :-1], atol=1e-6)


def test_a_model_without_secondary_sinks_leaves_only_their_number(network: Planted) -> None:
    found = look_closely(network.adapter, network.tokens, READING)
    assert found.numbers == {"sinks/secondary": 0.0}
    assert {row.condition for row in found.rows} == {"primary"}


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox", "phi"])
def test_the_mlp_of_known_families_is_taken_apart(architecture: str) -> None:
    spec = validate(ArchitectureSpec, {"architecture": architecture, "width": 16, "layers": 2, "heads": 2})
    adapter = adapt(spec.build(20, 0).eval())
    module = adapter.mlp(1)
    assert module is not None
    parts = projections(module)
    assert parts is not None
    tokens = torch.arange(12).view(2, 6)
    inputs = mlp_inputs(adapter, 1, tokens)
    with torch.no_grad(), adapter.record() as record:
        adapter.run(tokens)
        inner = parts["activation"](parts["up"](inputs) if parts["gate"] is None else parts["gate"](inputs))
        product = inner if parts["gate"] is None else inner * parts["up"](inputs)
        assert record.mlp is not None
        assert torch.allclose(parts["down"](product), record.mlp[1], atol=1e-6)


def test_an_mlp_that_is_laid_out_otherwise_is_left_alone() -> None:
    assert projections(nn.Linear(3, 3)) is None
