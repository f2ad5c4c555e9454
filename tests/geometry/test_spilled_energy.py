from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from geomem.errors import InputError
from geomem.geometry.spilled_energy import (
    GAUGES,
    POOLS,
    auroc,
    in_gauge,
    log_partition,
    marginal_energy,
    pooled,
    spilled_energy,
    surprise,
    token_energy,
)

LOGITS = 3 * torch.randn(2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randint(7, (2, 5), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_energies_one_by_one_as_the_released_code_defines_them(beta: float) -> None:
    delta = spilled_energy(LOGITS, TOKENS, gauge="raw", beta=beta)
    energy = token_energy(LOGITS, TOKENS, gauge="raw", beta=beta)
    assert delta.shape == (2, 4)
    for row in range(2):
        for i in range(1, 5):
            own = -beta * float(LOGITS[row, i - 1, TOKENS[row, i]])
            marginal = -math.log(sum(math.exp(beta * value) for value in LOGITS[row, i].tolist()))
            assert float(energy[row, i - 1]) == pytest.approx(own)
            assert float(marginal_energy(LOGITS, gauge="raw", beta=beta)[row, i]) == pytest.approx(marginal)
            assert float(delta[row, i - 1]) == pytest.approx(own - marginal)


def test_centred_partition_is_minus_the_mean_log_probability() -> None:
    expected = -torch.log_softmax(LOGITS, -1).mean(-1)
    found = log_partition(LOGITS, gauge="centred")
    assert float((found - expected).abs().max()) < 1e-12


@given(seed=st.integers(0, 50))
def test_a_shift_of_each_context_moves_the_raw_spill_alone(seed: int) -> None:
    shift = 5 * torch.randn(2, 5, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    moved = LOGITS + shift
    centred = [spilled_energy(f, TOKENS, gauge="centred") for f in (LOGITS, moved)]
    torch.testing.assert_close(centred[0], centred[1], rtol=0, atol=1e-12)
    raw = [spilled_energy(f, TOKENS, gauge="raw") for f in (LOGITS, moved)]
    torch.testing.assert_close(raw[1] - raw[0], (shift[:, 1:] - shift[:, :-1])[..., 0])
    torch.testing.assert_close(surprise(moved, TOKENS), surprise(LOGITS, TOKENS))


def test_surprise_is_the_cross_entropy_of_each_token() -> None:
    expected = torch.nn.functional.cross_entropy(
        LOGITS[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten(), reduction="none"
    )
    torch.testing.assert_close(surprise(LOGITS, TOKENS).flatten(), expected)


def test_joint_logits_spill_nothing() -> None:
    """Logits that are log-joint probabilities of a product of conditionals meet the identity that gives the name."""
    first, after = (torch.softmax(torch.randn(*shape, dtype=torch.float64), -1) for shape in ((4,), (4, 4)))
    joint = (first[:, None] * after).log()  # log p(x_0 = a, x_1 = b)
    f = torch.stack([joint[1], (joint[1, 2] + after[2].log())])[None]
    tokens = torch.tensor([[1, 2]])
    assert float(spilled_energy(f, tokens, gauge="raw").abs().max()) < 1e-12


@pytest.mark.parametrize("how", POOLS)
def test_pooling_over_the_kept_tokens(how: str) -> None:
    keep = torch.tensor([[False, True, True], [True, False, False]])
    values = torch.tensor([[9.0, 1.0, 2.0], [-4.0, 9.0, -9.0]])
    expected = {"min": [1.0, -4.0], "max": [2.0, -4.0], "mean": [1.5, -4.0], "sum": [3.0, -4.0]}[how]
    assert pooled(values, keep, how).tolist() == expected  # type: ignore[arg-type]


def test_auroc_is_scikit_learns_and_half_for_equal_scores() -> None:
    normal, other = torch.randn(30), torch.randn(20) + 1
    expected = roc_auc_score([0] * 30 + [1] * 20, torch.cat([normal, other]).numpy())
    assert auroc(normal, other) == pytest.approx(expected)
    assert auroc(torch.ones(3), torch.ones(4)) == 0.5
    assert auroc(torch.zeros(3), torch.ones(4)) == 1.0
    assert math.isnan(auroc(torch.tensor([0.0, torch.inf]), torch.ones(2)))


def test_the_gauge_keeps_probabilities() -> None:
    for gauge in GAUGES:
        torch.testing.assert_close(torch.softmax(in_gauge(LOGITS, gauge), -1), torch.softmax(LOGITS, -1))


def test_bad_input() -> None:
    with pytest.raises(InputError, match="T > 1"):
        spilled_energy(LOGITS[:, :1], TOKENS[:, :1], gauge="raw")
    with pytest.raises(InputError, match="keeps no token"):
        pooled(torch.ones(1, 2), torch.zeros(1, 2, dtype=torch.bool), "min")
    with pytest.raises(InputError, match="both sides"):
        auroc(torch.ones(0), torch.ones(2))
