"""Deep linear networks: starts, outputs, saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geomem.errors import InputError
from geomem.geometry.mode_strength import conserved, mode_strengths, off_diagonal_energy
from geomem.models.deep_linear import DeepLinear, balanced
from geomem.models.hub import open_checkpoint
from geomem.models.specs import DeepLinearSpec
from geomem.seeding import torch_generator
from geomem.spec import validate
from geomem.training.spec import TrainSpec


def basis(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(rows, columns, generator=torch_generator(seed, "x"), dtype=torch.float64)).Q


def test_outputs_are_those_of_the_product() -> None:
    model = DeepLinear.gaussian((4, 6, 5, 3), 1.0, 0)
    first, second, third = (matrix.numpy() for matrix in model.weights)
    np.testing.assert_allclose(model.product().detach().numpy(), third @ second @ first, rtol=1e-12)
    inputs = torch.randn(7, 4, generator=torch_generator(1, "x"), dtype=torch.float64)
    torch.testing.assert_close(model(inputs), inputs @ model.product().T)
    torch.testing.assert_close(model(torch.tensor([2, 0])), model.product().T[[2, 0]])
    assert model.widths == (4, 6, 5, 3)


def test_sequences_are_refused() -> None:
    model = DeepLinearSpec(width=3).build(5, 0)
    with pytest.raises(InputError, match=r"no sequence axis.*got \(2, 3\)"):
        model(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="no sequence axis"):
        model(torch.zeros(5))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_decoupled_balanced_start(depth: int) -> None:
    left, right, strengths = basis(8, 3), basis(6, 3, 1), torch.tensor([0.1, 0.2, 1e-4], dtype=torch.float64)
    model = DeepLinear.decoupled(left, right, balanced(strengths, depth), 5, 7)
    assert model.widths == (6, *[5] * (depth - 1), 8)
    torch.testing.assert_close(mode_strengths(model.product().detach(), left, right), strengths)
    assert off_diagonal_energy(model.product().detach(), left, right) < 1e-12
    assert all(float(matrix.norm()) < 1e-12 for matrix in conserved(model.weights))
    other = DeepLinear.decoupled(left, right, balanced(strengths, depth), 5, 8)
    assert depth == 1 or not torch.equal(model.weights[0], other.weights[0])


def test_an_unbalanced_start_has_its_factors_in_the_matrices() -> None:
    left, right = basis(8, 2), basis(6, 2, 1)
    factors = torch.tensor([[0.3, 0.1], [0.05, 0.4]], dtype=torch.float64)
    model = DeepLinear.decoupled(left, right, factors, 4, 0)
    sizes = [torch.linalg.svdvals(matrix)[:2].tolist() for matrix in model.weights]
    assert sizes == [pytest.approx([0.3, 0.1]), pytest.approx([0.4, 0.05])]
    torch.testing.assert_close(mode_strengths(model.product().detach(), left, right), factors.prod(0))


def test_random_starts_have_their_size() -> None:
    small = DeepLinear.small_random((300, 200), 0.02, 0).weights[0]
    assert float(small.std()) == pytest.approx(0.02, rel=0.02)
    gaussian = DeepLinear.gaussian((400, 100, 50), 1.5, 0).weights
    assert [float(matrix.std()) for matrix in gaussian] == [
        pytest.approx(1.5 / 20, rel=0.02), pytest.approx(1.5 / 10, rel=0.05)]  # fmt: skip
    for matrix in DeepLinear.orthogonal((5, 9, 9, 4), 0.3, 0).weights:
        torch.testing.assert_close(torch.linalg.svdvals(matrix), torch.full((min(matrix.shape),), 0.3).double())


def test_orthogonal_matrices_are_drawn_uniformly() -> None:
    # The trace of a uniform orthogonal matrix has mean 0 and variance 1; that of a bare QR has not.
    traces = torch.stack([DeepLinear.orthogonal((3, 3), 1.0, seed).weights[0].trace() for seed in range(600)])
    assert abs(float(traces.mean())) < 4 / 600**0.5
    assert float(traces.var()) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("init", ["small-random", "gaussian", "orthogonal"])
def test_the_spec_builds_float32_from_its_seed(init: Any) -> None:
    spec = DeepLinearSpec(width=6, depth=3, init=init, scale=0.5)
    model = spec.build(4, 1)
    assert model.widths == (4, 6, 6, 4)
    assert {matrix.dtype for matrix in model.weights} == {torch.float32}
    assert not torch.equal(model.weights[0], spec.build(4, 2).weights[0])


def test_reopens_bit_for_bit(tmp_path: Path) -> None:
    model = DeepLinear.gaussian((3, 12, 12, 12, 2), 1.0, 0)
    model.save_pretrained(tmp_path)
    again = DeepLinear.from_pretrained(tmp_path)
    assert again.widths == model.widths
    assert all(torch.equal(one, two) for one, two in zip(model.weights, again.weights, strict=True))
    with pytest.raises(InputError, match="open it with DeepLinear"):
        open_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(InputError, match="type 'gpt2'"):
        DeepLinear.from_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"no config\.json"):
        DeepLinear.from_pretrained(tmp_path / "nothing")


def test_train_says_where_it_is_trained() -> None:
    spec = {"task": {"kind": "in-weights-edges", "graph": {"kind": "cycle", "nodes": 5}}, "model": "deep-linear"}
    with pytest.raises(InputError, match=r"deep-linear is not trained by `train`; .*gradient_flow"):
        validate(TrainSpec, spec)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DeepLinear([]), "at least one"),
        (lambda: DeepLinear([torch.zeros(3, 2), torch.zeros(2, 4)]), "number 0 gives 3"),
        (lambda: DeepLinear.orthogonal((3,), 1.0, 0), "widths"),
        (lambda: DeepLinear.gaussian((3, 0), 1.0, 0), "widths"),
        (lambda: DeepLinear.small_random((3, 2), 0.0, 0), "scale"),
        (lambda: DeepLinear.decoupled(basis(5, 3), basis(5, 3), balanced(torch.ones(3), 2).double(), 2, 0), "hidden"),
        (lambda: DeepLinear.decoupled(basis(5, 3), basis(5, 2), torch.ones(2, 3).double(), 4, 0), "one column a mode"),
        (lambda: balanced(torch.zeros(2), 2), "positive"),
        (lambda: balanced(torch.ones(2), 0), "depth"),
        (lambda: DeepLinearSpec().build(0, 0), "at least 1"),
    ],
)
def test_mistakes_are_clear(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
