from __future__ import annotations

import math

import pytest
import torch

from geomem.geometry.spilled_energy import log_partition
from geomem.probing.rows import Rows
from geomem.solvers.ridge_path import ridge_path
from geomem.studies.joint_vs_conditional.features import dense_problem, log_uniform_shares, measure, sparse_problem
from geomem.studies.joint_vs_conditional.settings import Features

SMALL = Features(contexts=24, width=12)


def test_problems_are_what_they_say() -> None:
    shares = log_uniform_shares(Features(contexts=500), 0)
    assert float(shares.sum()) == pytest.approx(1.0)
    assert 2.8 < float((shares.max() / shares.min()).log10()) <= 3.0
    sparse, dense = sparse_problem(SMALL, 0), dense_problem(SMALL, 0)
    for probs in (sparse, dense):
        torch.testing.assert_close(probs.sum(0), torch.ones(24, dtype=torch.float64))
    assert ((sparse > 0).sum(0) == 2).all()
    assert float(dense.min()) >= SMALL.least


def test_joint_logits_have_slope_one_and_conditional_ones_none() -> None:
    probs, shares = sparse_problem(SMALL, 0), log_uniform_shares(SMALL, 0)
    # In the joint reading unseen tokens have one level, whatever the context; in the other one margin.
    joint = torch.where(probs > 0, (probs * shares).clamp(min=1e-300).log(), math.log(1e-9))
    conditional = torch.where(probs > 0, probs.clamp(min=1e-300).log(), math.log(1e-9))
    for logits, low, high in ((joint, 0.80, 0.86), (conditional, -0.05, 0.05)):
        rows = Rows("")
        measure(rows, "x", logits, probs, shares)
        assert low < rows.value("x/slope") < high  # (V - k) / V = 10 / 12
        assert rows.value("x/gap") < 1e-3


def test_stationarity_of_a_ridge_ties_unseen_tokens_to_the_context() -> None:
    """log q[v, j] = log(lam |G[v, j]|) - log pi_j for tokens never seen after context j, |G|_2 <= 1."""
    probs, shares = sparse_problem(SMALL, 0), log_uniform_shares(SMALL, 0)
    (point,) = ridge_path(probs, shares, SMALL.width, (1e-4,), 0)
    q = point.logits.softmax(0)
    certificate = (probs - q) * shares / point.ridge
    assert float(torch.linalg.matrix_norm(certificate, ord=2)) == pytest.approx(1.0, abs=1e-3)
    outside = probs == 0
    expected = (point.ridge * certificate.abs()).log() - shares.log()
    torch.testing.assert_close(q.log()[outside], expected[outside], rtol=1e-6, atol=1e-6)
    level = log_partition(point.logits.T, gauge="centred")
    assert float(torch.corrcoef(torch.stack([level, shares.log()]))[0, 1]) > 0.9
