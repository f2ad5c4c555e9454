from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from geomem.errors import InputError
from geomem.geometry.decomposition import decompose
from geomem.geometry.tokenwise import fit_tokenwise
from geomem.models.adapters import adapt
from geomem.probing.decomposition import decompose_updates, split_windows
from geomem.probing.functional import bank_of, collect_streams
from geomem.probing.rows import Rows
from tests.interventions.models import random_tokens, tiny_gpt2, tiny_llama


def windows(count: int = 40, length: int = 9) -> tuple[Tensor, Tensor]:
    return split_windows(random_tokens(count, length), bank=240, evaluation=60)


def row(rows: Rows, metric: str, layer: int, condition: str = "") -> float:
    (found,) = [one for one in rows.rows if (one.metric, one.layer, one.condition) == (metric, layer, condition)]
    return found.value


def test_rows_say_what_fit_and_decomposition_say() -> None:
    adapter = adapt(tiny_gpt2())
    bank_tokens, eval_tokens = windows()
    rows = decompose_updates(adapter, bank_tokens, eval_tokens, kinds=["affine"], layers=[1, 3])
    for place, layer in enumerate((1, 3)):
        bank = bank_of(collect_streams(adapter, bank_tokens, [layer]), layer, bank_tokens)
        tokens = bank_of(collect_streams(adapter, eval_tokens, [layer]), layer, eval_tokens)
        found = decompose(tokens.updates, fit_tokenwise("affine", bank)(tokens) - tokens.entering, tokens.windows)
        for name in ("align_t", "align_r", "r2", "error", "pi_u", "pi_r"):
            assert row(rows, f"decomposition/affine_{name}", layer) == pytest.approx(
                getattr(found, name).value, rel=1e-4
            )
        kl = rows.arrays["decomposition.affine.kl"][place]
        errors = rows.arrays["decomposition.affine.errors"][place]
        assert torch.allclose(errors, found.errors.float(), rtol=1e-4)
        assert row(rows, "decomposition/affine_kl", layer) == pytest.approx(float(kl.mean()), rel=1e-5)
        assert row(rows, "decomposition/affine_rho_relative", layer) == pytest.approx(
            spearmanr(errors, kl).statistic, abs=1e-3
        )
        assert row(rows, "decomposition/affine_rho_absolute", layer) == pytest.approx(
            spearmanr(rows.arrays["decomposition.affine.residual_norms"][place], kl).statistic, abs=1e-3
        )
    assert rows.arrays["decomposition.layers"].tolist() == [1, 3]
    assert rows.arrays["decomposition.tokens"].tolist() == eval_tokens[:, 1:].flatten().tolist()
    assert row(rows, "decomposition/affine_pi_r", 1, "chance") == pytest.approx(16 / 24)


def test_controls_break_what_they_should() -> None:
    bank, evaluation = split_windows(random_tokens(200, 9), bank=1200, evaluation=240)
    rows = decompose_updates(adapt(tiny_llama()), bank, evaluation, kinds=["affine"], layers=[0])
    for name in ("r2", "align_t"):
        metric = f"decomposition/affine_{name}"
        assert row(rows, metric, 0) > row(rows, metric, 0, "permuted") + 0.1
    assert row(rows, "decomposition/affine_align_r", 0) > 0.3
    assert abs(row(rows, "decomposition/affine_align_r", 0, "rotated")) < 0.1
    assert row(rows, "decomposition/affine_pi_r", 0, "rotated") == pytest.approx(16 / 24, abs=0.05)
    assert not [one for one in rows.rows if one.condition == "permuted" and "single" in one.metric]
    alone = decompose_updates(adapt(tiny_llama()), *windows(), kinds=["diag"], layers=[0], controls=False)
    assert {one.condition for one in alone.rows} == {"", "chance"}


def test_the_result_does_not_depend_on_memory_or_batches() -> None:
    adapter = adapt(tiny_gpt2())
    seen: list[tuple[int, int]] = []
    whole = decompose_updates(adapter, *windows(), kinds=["affine"], seed=2)
    small = decompose_updates(
        adapter, *windows(), kinds=["affine"], seed=2, held_bytes=1, batch_tokens=20,
        progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert seen == [(done, 8) for done in range(1, 9)]
    assert [one.metric for one in whole.rows] == [one.metric for one in small.rows]
    for one, two in zip(whole.rows, small.rows, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-2, abs=1e-4), one.metric
    assert str(decompose_updates(adapter, *windows(), kinds=["affine"], seed=2).rows) == str(whole.rows)


def test_neighbours_come_from_the_bank() -> None:
    rows = decompose_updates(adapt(tiny_gpt2()), *windows(), layers=[0, 3], singles=8)
    for kind in ("knn_affine", "affine"):
        for layer in (0, 3):
            assert 0 < row(rows, f"decomposition/{kind}_error", layer) < 3
            assert row(rows, f"decomposition/{kind}_single_kl", layer) > 0


def test_a_model_without_output_layer_is_decomposed_without_the_functional_test() -> None:
    rows = decompose_updates(adapt(tiny_gpt2().transformer), *windows(), kinds=["diag"], layers=[0])
    assert rows.lines == ["decomposition: this checkpoint has no output layer, so there is no functional test"]
    assert row(rows, "decomposition/diag_r2", 0) <= 1
    assert not [one for one in rows.rows if "kl" in one.metric or "rho" in one.metric]


def test_windows_are_dealt() -> None:
    tokens = random_tokens(40, 9)
    bank, evaluation = split_windows(tokens, bank=240, evaluation=60)
    assert (len(bank), len(evaluation)) == (30, 8)
    together = torch.cat([bank, evaluation])
    assert len(together.unique(dim=0)) == 38
    assert torch.equal(split_windows(tokens, bank=240, evaluation=60)[0], bank)
    assert torch.equal(split_windows(tokens.repeat(3, 1), bank=240, evaluation=60)[0], bank)
    assert not torch.equal(split_windows(tokens, bank=240, evaluation=60, seed=1)[0], bank)


def test_bad_input() -> None:
    adapter, tokens = adapt(tiny_gpt2()), random_tokens(40, 9)
    with pytest.raises(
        InputError, match="a bank of 8000 tokens and 1000 to judge by take 1125 different windows of 9 tokens, got 40"
    ):
        split_windows(tokens)
    with pytest.raises(InputError, match="2 of the windows to judge by are in the bank too"):
        decompose_updates(adapter, tokens[:30], tokens[28:])
    with pytest.raises(InputError, match="needs a bank of at least 64 tokens, got 16"):
        decompose_updates(adapter, tokens[:2], tokens[2:4])
