from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import check_grad

from geomem.errors import InputError
from geomem.geometry.softmax_rank import log_rank, mean_kl
from geomem.solvers.kl_floor import _objective, kl_floor


def _target(rank: int, contexts: int = 200, vocabulary: int = 20, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    h, w = (torch.randn(n, rank, generator=generator, dtype=torch.float64) for n in (contexts, vocabulary))
    return torch.softmax(2 * h @ w.T / rank**0.5, dim=1)


def test_the_gradient() -> None:
    probs = _target(3, 6, 5).numpy()
    for seed in range(3):
        start = np.random.default_rng(seed).standard_normal(2 * (6 + 5))
        error = check_grad(lambda x: _objective(x, probs, 2)[0], lambda x: _objective(x, probs, 2)[1], start)
        assert error < 1e-6


def test_the_floor_is_zero_from_the_rank_on_and_not_below() -> None:
    """Card of arXiv 1711.03953, 5.1: KL(d = r) < 1e-8, KL(d = r - 1) > 1e-3; random starts get there, too."""
    target = _target(4)
    assert log_rank(target.log()).rank == 4
    assert log_rank(target.log()).plain_rank == 5
    floors = {width: kl_floor(target, width) for width in (2, 3, 4)}
    assert floors[4].random_kl < 1e-8
    assert floors[4].by_start[0] < 1e-8
    assert floors[3].kl > 1e-3
    assert floors[2].kl > floors[3].kl


def test_the_answer_is_the_model_it_returns() -> None:
    target = _target(3, 40, 8)
    found = kl_floor(target, 2)
    log_probs = torch.log_softmax(found.contexts @ found.words.T, dim=1)
    assert float(mean_kl(target, log_probs)) == pytest.approx(found.kl, abs=1e-12)
    assert log_rank(log_probs).rank == 2
    assert found.kl == min(found.by_start)
    assert kl_floor(target, 2).kl == found.kl


def test_permuting_tokens_and_contexts_leaves_the_floor() -> None:
    target = _target(3, 40, 8)
    turned = target[torch.randperm(40)][:, torch.randperm(8)]
    assert kl_floor(turned, 2, starts=3).kl == pytest.approx(kl_floor(target, 2, starts=3).kl, rel=1e-5)


def test_progress_counts_starts() -> None:
    seen: list[int] = []
    kl_floor(_target(2, 10, 5), 1, starts=2, iterations=5, progress=seen.append)
    assert seen == [1, 2, 3]


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least 1"):
        kl_floor(_target(2), 0)
    with pytest.raises(InputError, match="no zero"):
        kl_floor(torch.eye(3), 2)
    with pytest.raises(InputError, match="sum to 1"):
        kl_floor(torch.ones(3, 3), 2)


def test_the_truncated_start_is_the_answer_where_the_dimension_is_the_rank() -> None:
    """It truncates centred log-probabilities: those as they stand have one rank more, and would be cut short."""
    generator = torch.Generator().manual_seed(4)
    contexts, words = (torch.randn(size, 3, generator=generator, dtype=torch.float64) for size in (15, 9))
    found = kl_floor(torch.softmax(contexts @ words.T, 1), 3, starts=1, iterations=0)
    assert found.by_start[0] < 1e-25
