"""The regression, against scikit-learn and by what it must find."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import Ridge

from geomem.errors import InputError
from geomem.probing.lingen.weights import fit_weights


def rows(n: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("ridge", [1e-3, 0.1])
def test_ridge_is_that_of_scikit_learn(ridge: float) -> None:
    table, target = rows(), rows(1, seed=1)[0]
    scale = float(table.flatten(1).square().sum(1).mean())
    expected = Ridge(ridge * scale, fit_intercept=False).fit(table.flatten(1).T.numpy(), target.flatten().numpy())
    found = fit_weights(table, target, ridge)
    assert found.values.tolist() == pytest.approx(expected.coef_.tolist())
    left = target.flatten() - table.flatten(1).T @ found.values
    assert found.residual == pytest.approx(float(left.norm() / target.norm()))


def test_a_combination_is_found_exactly_even_where_it_is_not_unique() -> None:
    table = rows()
    wanted = torch.tensor([1.0, -2.0, 0.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    target = torch.einsum("n,nfk->fk", wanted, table)
    found = fit_weights(table, target, 0.0)
    assert found.values.tolist() == pytest.approx(wanted.tolist(), abs=1e-10)
    twice = fit_weights(torch.cat([table, table]), target, 0.0)
    assert twice.residual < 1e-12
    assert twice.values.tolist() == pytest.approx([*(wanted / 2).tolist(), *(wanted / 2).tolist()], abs=1e-10)


def test_a_negative_ridge_is_refused() -> None:
    with pytest.raises(InputError, match="0 or more"):
        fit_weights(rows(), rows()[0], -1.0)
