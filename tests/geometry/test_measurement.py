from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry import MEASUREMENTS
from geomem.geometry.measurement import Measurement, check, measure
from tests.geometry.samples import both, normal, path_star


def evidence() -> dict[str, object]:
    edges, paths = path_star(6, 4)
    count = int(edges.max()) + 1
    return {
        "embeddings": normal(count, 8).float(),
        "edges": both(edges),
        "graph_edges": edges,
        "num_nodes": count,
        "edge_logits": normal(count, count + 9).float(),
        "paths": paths,
        "held_out": torch.arange(6) >= 4,
        "coordinates": normal(count, 2, seed=1),
        "coordinate_kind": "plane",
        "families": torch.arange(count) % 3,
        "token_table": normal(count + 9, 8).float(),
        "layer_weight": normal(8, 8, seed=2).float(),
        **next_tokens(),
    }


def next_tokens() -> dict[str, object]:
    """Sixteen contexts, each support had by two; shares and probabilities that every number format holds exactly."""
    probs = torch.zeros(9, 16)
    for context in range(16):
        probs[[(context // 2 + step) % 9 for step in (0, 1, 3)], context] = torch.tensor([0.5, 0.25, 0.25])
    return {
        "next_token_probs": probs,
        "next_token_logits": normal(9, 16, seed=3).float(),
        "context_shares": torch.full((16,), 1 / 16),
        "context_vectors": normal(5, 16, seed=4).float(),
    }


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_is_pure_deterministic_and_finite(name: str) -> None:
    part = MEASUREMENTS.get(name)
    assert part.name == name
    assert part.source
    assert part.chance
    assert part.inputs
    given = evidence()
    before = {key: value.clone() for key, value in given.items() if isinstance(value, torch.Tensor)}
    first, second = part(given), part(evidence())
    assert first == second
    assert all(isinstance(value, float) and math.isfinite(value) for value in first.values())
    assert all(torch.equal(before[key], given[key]) for key in before)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_float64_gives_the_same_numbers(name: str) -> None:
    given = evidence()
    wide = {k: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in given.items()}
    assert measure([name], wide) == pytest.approx(measure([name], given), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_each_missing_input_is_named(name: str) -> None:
    for missing in MEASUREMENTS.get(name).inputs:
        given = {**evidence(), missing: None}
        with pytest.raises(InputError, match=f"measurement '{name}' needs '{missing}'"):
            measure([name], given)
        with pytest.raises(InputError, match=missing):
            check([name], set(evidence()) - {missing})


def test_measure_prefixes_and_ignores_evidence_it_does_not_need() -> None:
    found = measure(["cosine-level", "storage"], evidence() | {"unheard-of": 3})
    assert {key.split("/")[0] for key in found} == {"cosine-level", "storage"}


def test_optional_evidence_is_used_when_there() -> None:
    part = MEASUREMENTS.get("leaf-first-hop")
    assert part.inputs == ("embeddings", "paths")
    assert part.optional_inputs == ("held_out",)
    given = evidence()
    assert "held_out_retrieval" in part(given)
    assert "held_out_retrieval" not in part(given | {"held_out": None})


def test_tensors_meet_on_the_device_of_the_embeddings_without_their_graph() -> None:
    def function(embeddings: torch.Tensor, edges: torch.Tensor) -> dict[str, float]:
        return {"same": float(embeddings.device == edges.device), "graph": float(embeddings.requires_grad)}

    part = Measurement("cosine-level", function, source="test", chance="none")
    given = {"embeddings": torch.zeros(3, 2, device="meta", requires_grad=True), "edges": torch.zeros(1, 2)}
    assert part(given) == {"same": 1.0, "graph": 0.0}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_half_precision_tables_are_read(name: str) -> None:
    given = evidence()
    half = {k: v.bfloat16() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in given.items()}
    rounded = {k: v.float() if isinstance(v, torch.Tensor) and v.is_floating_point() else v for k, v in half.items()}
    assert measure([name], half) == pytest.approx(measure([name], rounded), rel=1e-5, abs=1e-6)


def test_settings_after_the_star_are_no_evidence() -> None:
    def function(embeddings: object, *, k: int = 3) -> dict[str, float]:
        return {"k": float(k)}

    part = Measurement("cosine-level", function, source="test", chance="none")
    assert part({"embeddings": 1, "k": 99}) == {"k": 3.0}
    assert part.summary == MEASUREMENTS.summary("cosine-level")


def test_unknown_measurement_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'cosine-level'"):
        check(["cosine-levle"], [])


def test_listing_does_not_import_torch() -> None:
    code = "import sys; from geomem.geometry import MEASUREMENTS; list(MEASUREMENTS); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
