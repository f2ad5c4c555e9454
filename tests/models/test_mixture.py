from __future__ import annotations

import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.softmax_rank import log_rank
from geomem.models.mixture import MixtureOfContexts, MixtureOfSoftmaxes, Softmax

EVERY = torch.arange(40)


def _heads() -> dict[str, torch.nn.Module]:
    return {
        "softmax": Softmax(40, 12, 3, seed=0, std=1.0),
        "contexts": MixtureOfContexts(40, 12, 3, components=4, seed=0, std=1.0),
        "softmaxes": MixtureOfSoftmaxes(40, 12, 3, components=4, seed=0, std=1.0),
    }


@pytest.mark.parametrize("name", ["softmax", "contexts", "softmaxes"])
def test_probabilities_sum_to_one_and_gradients_are_right(name: str) -> None:
    head = _heads()[name]
    log_probs = head(EVERY)
    assert log_probs.dtype == torch.float64
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(40, dtype=torch.float64), rtol=0, atol=1e-14)
    inputs = tuple(parameter.detach().requires_grad_() for parameter in head.parameters())

    def loss(*values: torch.Tensor) -> torch.Tensor:
        named = dict(zip([key for key, _ in head.named_parameters()], values, strict=True))
        return torch.func.functional_call(head, named, (EVERY[:3],))[:, 2].sum()

    assert torch.autograd.gradcheck(loss, inputs, fast_mode=True)


def test_a_mixture_of_softmaxes_is_the_mean_of_its_softmaxes() -> None:
    head = MixtureOfSoftmaxes(40, 12, 3, components=4, seed=0, std=1.0)
    parts = torch.softmax(head.contexts @ head.words.T, dim=-1)  # (n, K, V)
    shares = torch.softmax(head.shares, dim=1)
    torch.testing.assert_close(head(EVERY).exp(), torch.einsum("nk,nkv->nv", shares, parts))


def test_only_softmaxes_leave_the_dimension() -> None:
    ranks = {name: log_rank(head(EVERY).detach()).rank for name, head in _heads().items()}
    assert ranks == {"softmax": 3, "contexts": 3, "softmaxes": 11}


def test_one_component_is_one_softmax() -> None:
    one = MixtureOfSoftmaxes(40, 12, 3, components=1, seed=0, std=1.0)
    assert log_rank(one(EVERY).detach()).rank == 3
    other = MixtureOfContexts(40, 12, 3, components=1, seed=0, std=1.0)
    torch.testing.assert_close(one(EVERY), other(EVERY))


def test_a_seed_decides() -> None:
    one, same, other = (MixtureOfSoftmaxes(5, 4, 2, components=2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.words, same.words)
    assert not torch.equal(one.words, other.words)
    with pytest.raises(InputError, match="at least 1"):
        MixtureOfContexts(5, 4, 2, components=0, seed=0)
