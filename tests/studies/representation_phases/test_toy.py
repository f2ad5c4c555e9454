from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from geomem.studies.representation_phases.toy import (
    Loss,
    State,
    constructed_start,
    descend,
    entropies,
    entropy_rate,
    labels_of,
    plain_start,
    shape_of,
    spectrum,
    velocity,
)

COUNTS = (2, 2, 1, 1)
LABELS = labels_of(COUNTS)


def start(tilt: float, width: int = 2, runs: int = 2, jitter: float = 1e-3) -> State:
    generator = torch.Generator().manual_seed(3)
    return constructed_start(
        COUNTS, width, tilt=tilt, radius=0.6, jitter=jitter, runs=runs, generator=generator
    )  # fmt: skip


def random(width: int = 3) -> State:
    return plain_start(COUNTS, width, spread=0.7, runs=2, generator=torch.Generator().manual_seed(1))


def mean_loss(state: State, loss: Loss) -> Tensor:
    logits = state.features @ state.weights
    if loss == "cross-entropy":
        return torch.stack([torch.nn.functional.cross_entropy(one, LABELS) for one in logits]).sum()
    return 0.5 * (logits - torch.eye(4, dtype=torch.float64)[LABELS]).square().sum() / len(LABELS)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared error"])
def test_the_flow_is_minus_the_gradient_of_the_mean_loss(loss: Loss) -> None:
    state = random()
    free = State(state.features.clone().requires_grad_(), state.weights.clone().requires_grad_())
    expected = torch.autograd.grad(mean_loss(free, loss), (free.features, free.weights))
    found = velocity(state, LABELS, loss)
    torch.testing.assert_close(found.features, -expected[0])
    torch.testing.assert_close(found.weights, -expected[1])


def test_the_flow_keeps_features_and_weights_in_balance() -> None:
    state = random()
    flow = velocity(state, LABELS, "cross-entropy")
    of_features = state.features.mT @ flow.features
    of_weights = flow.weights @ state.weights.mT
    torch.testing.assert_close(of_features + of_features.mT, of_weights + of_weights.mT)


def test_balanced_singular_values_grow_in_proportion_to_their_size() -> None:
    left, sigma, right = torch.linalg.svd(random().features[0], full_matrices=False)
    columns = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)).Q
    rows = columns[:3]
    state = State((left * sigma @ right)[None], (right.T * sigma @ rows)[None])
    torch.testing.assert_close(state.features.mT @ state.features, state.weights @ state.weights.mT)
    error = (state.features @ state.weights).softmax(-1)[0] - torch.eye(4, dtype=torch.float64)[LABELS]
    growth = torch.einsum("bk,bc,kc->k", left, -error / len(LABELS), rows)
    flow = velocity(state, LABELS, "cross-entropy").features[0]
    torch.testing.assert_close(torch.einsum("bk,bd,kd->k", left, flow, right), sigma * growth)


def test_entropy_falls_when_what_is_large_grows_faster() -> None:
    left, sigma, right = torch.linalg.svd(random().features, full_matrices=False)

    def rate(growth: list[float]) -> Tensor:
        return entropy_rate(left * sigma[:, None] @ right, left * (sigma * torch.tensor(growth))[:, None] @ right)

    assert rate([1.0, 1.0, 1.0]).abs().max() < 1e-12, "growing alike changes no share"
    assert rate([1.0, 0.0, 0.0]).max() < 0 < rate([0.0, 0.0, 1.0]).min()


def test_the_rate_of_the_entropy_is_its_derivative() -> None:
    state = random()
    motion = torch.randn(state.features.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ahead, behind = (entropies(state.features + side * 1e-6 * motion) for side in (1, -1))
    torch.testing.assert_close(entropy_rate(state.features, motion), (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)


def test_the_spectrum_is_not_centred() -> None:
    features = random().features
    for found, one in zip(spectrum(features), features.numpy(), strict=True):
        np.testing.assert_allclose(found.numpy(), np.linalg.eigvalsh(one.T @ one)[::-1], rtol=1e-10)


def test_the_start_is_two_clusters_and_the_rest_at_the_origin() -> None:
    state = start(0.2, jitter=1e-12)
    corner = torch.tensor([math.cos(math.pi / 2 + 0.2), math.sin(math.pi / 2 + 0.2)], dtype=torch.float64)
    expected = torch.zeros(6, 2, dtype=torch.float64)
    expected[:2, 0], expected[2:4] = 0.6, 0.6 * corner
    torch.testing.assert_close(state.features, expected.expand(2, -1, -1), atol=1e-10, rtol=0)
    torch.testing.assert_close(state.weights, expected[[0, 2, 4, 5]].T.expand(2, -1, -1), atol=1e-10, rtol=0)
    apart = start(0.2).features
    assert not torch.equal(apart[0], apart[1])


TABLE = {
    0.0: (2.000, 1.950, 19, (1.9999, 2.0), 1.9946, (0.0052, 0.0057)),
    0.2: (1.961, 1.868, 16, (1.997, 1.9996), 1.990, (0.0075, 0.0095)),
    0.3: (1.914, 1.812, 15, (1.993, 1.998), 1.986, (0.0080, 0.0110)),
}
"""An independent run: start, dip, its step, peak, trough, drawdown."""


@pytest.mark.parametrize("tilt", TABLE)
def test_the_course_is_that_of_an_independent_run(tilt: float) -> None:
    course = descend(start(tilt), LABELS, loss="cross-entropy", lr=0.3, steps=400)
    begin, dip, dip_step, peak, trough, fall = TABLE[tilt]
    for one in course.rankme:
        found = shape_of(one)
        assert found.start == pytest.approx(begin, abs=2e-3)
        assert (found.dip, found.dip_step) == (pytest.approx(dip, abs=2e-3), pytest.approx(dip_step, abs=1))
        assert peak[0] < found.peak <= peak[1]
        assert found.trough == pytest.approx(trough, abs=1e-3)
        assert fall[0] < found.drawdown < fall[1]
        assert 130 < found.peak_step < 220 < found.trough_step <= 400
    assert course.rankme.shape == (2, 401)
    assert course.eigenvalues.shape == (2, 401, 2)
    assert course.predicted.shape == course.measured.shape == (2, 41)
    assert float(course.identity_errors().max()) < 1e-6


def test_turning_points_of_a_course_written_out() -> None:
    found = shape_of(torch.tensor([5.0, 4.0, 3.0, 6.0, 9.0, 7.0, 8.0, 8.5]))
    assert (found.dip_step, found.peak_step, found.trough_step) == (2, 4, 5)
    assert (found.start, found.dip, found.peak, found.trough, found.end) == (5, 3, 9, 7, 8.5)
    assert found.drawdown == 2
    rising = shape_of(torch.tensor([2.0, 1.0, 2.0, 3.0]))
    assert (rising.dip_step, rising.peak_step, rising.trough_step, rising.drawdown) == (1, 1, 1, 0)
    early = shape_of(torch.tensor([1.0, 5.0, 3.0, 6.0, 5.0]))
    assert (early.peak_step, early.trough_step) == (1, 2), "the largest fall, not the one from the highest point"
