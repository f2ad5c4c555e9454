"""W* solves the log-odds in F, with least norm; compatibility is decided by what is left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.seeding import torch_generator
from geomem.solvers.log_odds import InSupport, compatible, log_odds_solution
from geomem.solvers.support_columns import SupportColumns, support_rows
from tests.solvers.supports import random_support


def distributions(support: torch.Tensor, seed: int = 0) -> torch.Tensor:
    values = torch.rand(support.shape, generator=torch_generator(seed, "values"), dtype=torch.float64) + 0.1
    return (values * support) / (values * support).sum(0)


def embeddings(width: int, contexts: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(width, contexts, generator=torch_generator(seed, "embeddings"), dtype=torch.float64)


def generators(support: torch.Tensor, table: torch.Tensor) -> np.ndarray:
    """All (e_z - e_z') h_j^T, flattened: (n, V d)."""
    found = []
    for context in range(support.shape[1]):
        allowed = support[:, context].nonzero().flatten().tolist()
        for other in allowed[1:]:
            words = torch.zeros(support.shape[0], dtype=torch.float64)
            words[allowed[0]], words[other] = 1.0, -1.0
            found.append(torch.outer(words, table[:, context]).flatten().numpy())
    return np.array(found)


@pytest.mark.parametrize(("width", "contexts"), [(8, 5), (12, 12), (20, 9)])
def test_independent_embeddings_are_compatible_and_the_solution_lies_in_f(width: int, contexts: int) -> None:
    support = random_support(7, contexts, 4, width)
    probs, table = distributions(support), embeddings(width, contexts)
    found = log_odds_solution(probs, table)
    assert found.residual < 1e-10
    assert compatible(probs, table)
    logits = found.words @ table
    for context in range(contexts):
        allowed = support[:, context]
        gauge = logits[allowed, context] - probs[allowed, context].log()
        assert float((gauge - gauge.mean()).abs().max()) < 1e-10
    span = generators(support, table)
    flat = found.words.numpy().ravel()
    inside = span.T @ np.linalg.lstsq(span.T, flat, rcond=None)[0]
    np.testing.assert_allclose(inside, flat, atol=1e-10)


def test_one_hot_embeddings_give_the_finite_component() -> None:
    support = random_support(6, 8, 4, 1)
    probs = distributions(support)
    found = log_odds_solution(probs, torch.eye(8))
    logs = probs.log().masked_fill(~support, 0.0)
    wanted = (logs - logs.sum(0) / support.sum(0)).masked_fill(~support, 0.0)
    torch.testing.assert_close(found.words, wanted, rtol=0, atol=1e-12)


def test_too_few_dimensions_are_not_compatible_and_the_rest_is_the_least() -> None:
    support = random_support(6, 30, 5, 2)
    probs, table = distributions(support), embeddings(3, 30)
    found = log_odds_solution(probs, table)
    assert found.residual > 1e-2
    assert not compatible(probs, table)
    system = InSupport(SupportColumns.from_rows(support_rows(support), np.ones(30)), table.numpy())
    columns = [system(unit.reshape(3, 6)) for unit in np.eye(18)]
    odds = system.centre(np.log(probs.T.numpy()[support.T.numpy()]))
    wanted = np.linalg.lstsq(np.array(columns).T, odds, rcond=None)[0].reshape(3, 6)
    np.testing.assert_allclose(found.words.T, wanted, atol=1e-10)


def test_one_token_a_context_has_nothing_to_solve() -> None:
    support = random_support(6, 8, 1, 3)
    assert not log_odds_solution(support.double(), embeddings(2, 8)).words.any()


def test_bad_input_is_one_line() -> None:
    with pytest.raises(InputError, match="none below 0"):
        log_odds_solution(-torch.ones(3, 2), torch.ones(2, 2))
    with pytest.raises(InputError, match="where \\(width, 2\\) is wanted"):
        log_odds_solution(torch.ones(3, 2), torch.ones(2, 3))
    with pytest.raises(InputError, match="not finite"):
        log_odds_solution(torch.ones(3, 2), torch.full((2, 2), torch.nan))
    with pytest.raises(InputError, match="column 0 of the support is empty"):
        log_odds_solution(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.ones(2, 2))
