"""The registered forms: at the ends that are known, and the chance levels that they state."""

from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.measurement import measure
from geomem.geometry.next_token import centred_support, finite_component
from geomem.geometry.next_token_measurements import (
    measure_entropy_gap,
    measure_finite_part,
    measure_subspace_collapse,
    measure_support_direction,
)
from tests.geometry.next_token_samples import random_support, uneven

SUPPORT = random_support(9, 7, 4).repeat(1, 3)
PROBS, SHARES = uneven(SUPPORT)


def test_the_end_of_training() -> None:
    """L = L_in + R L_mm with a large R: every measurement is where the theory puts it."""
    logits = finite_component(PROBS) + 40 * centred_support(SUPPORT) + 5
    gap = measure_entropy_gap(logits, PROBS, SHARES)
    assert 0 < gap["gap"] < 1e-9
    assert gap["loss"] == pytest.approx(gap["entropy"])
    finite = measure_finite_part(logits, PROBS)
    assert finite["distance"] == pytest.approx(0, abs=1e-12)
    assert finite["share"] < 0.05
    direction = measure_support_direction(logits, PROBS)
    assert direction["directional"] == pytest.approx(1)
    assert direction["rest"] == pytest.approx(1)
    assert direction["logits"] < 1
    collapse = measure_subspace_collapse(centred_support(SUPPORT), logits, PROBS)
    assert collapse["within"] == pytest.approx(1)
    assert collapse["directional_within"] == pytest.approx(1)
    assert collapse["probs_within"] < 0.999


def test_chance() -> None:
    equal = torch.zeros(9, 21)
    assert measure_entropy_gap(equal, PROBS, SHARES)["loss"] == pytest.approx(math.log(9))
    assert measure_finite_part(equal, PROBS)["relative"] == pytest.approx(1)
    generator = torch.Generator().manual_seed(0)
    found = [measure_support_direction(torch.randn(9, 21, generator=generator), PROBS)["logits"] for _ in range(200)]
    assert abs(sum(found) / 200) < 3 / math.sqrt(200 * 9 * 21)
    assert torch.tensor(found).std().item() == pytest.approx(1 / math.sqrt(8 * 21), rel=0.2)


def test_no_shared_support_is_nan_and_nothing_else_is() -> None:
    alone = torch.eye(5, dtype=torch.float64)
    found = measure_subspace_collapse(torch.eye(5), torch.eye(5), alone)
    assert math.isnan(found["within"])
    assert math.isnan(found["scatter_ratio"])
    assert found["between"] == pytest.approx(0)


def test_they_are_registered() -> None:
    evidence = {"next_token_logits": torch.zeros(9, 21), "next_token_probs": PROBS, "context_shares": SHARES,
                "context_vectors": torch.ones(4, 21)}  # fmt: skip
    found = measure(("entropy-gap", "finite-part", "support-direction", "subspace-collapse"), evidence)
    assert {"entropy-gap/gap", "finite-part/relative", "support-direction/rest", "subspace-collapse/within"} <= set(
        found
    )
    assert found["subspace-collapse/within"] == pytest.approx(1)
