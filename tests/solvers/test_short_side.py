"""Gram matrices of the shorter side give the singular values that LAPACK gives."""

from __future__ import annotations

import numpy as np
import pytest

from geomem.solvers.short_side import ROWS, ShortSide, nuclear_norm, spectral_norm

SHAPES = [(30, 7), (7, 30), (12, 12)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_values_and_functions_are_those_of_the_decomposition(shape: tuple[int, int], kind: type) -> None:
    table = np.random.default_rng(0).normal(size=shape).astype(kind)
    u, s, vt = np.linalg.svd(table.astype(float), full_matrices=False)
    tolerance = 1e-9 if kind is np.float64 else 1e-3
    spectrum = ShortSide(table)
    np.testing.assert_allclose(spectrum.values, s[::-1], rtol=tolerance)
    halved = spectrum.apply(table, 0.5 / spectrum.values)
    assert halved.dtype == kind
    np.testing.assert_allclose(halved, 0.5 * u @ vt, atol=10 * tolerance)
    assert nuclear_norm(table) == pytest.approx(s.sum(), rel=1e-12 if kind is np.float64 else 1e-5)
    assert nuclear_norm(table, exact=False) == pytest.approx(s.sum(), rel=tolerance)
    assert spectral_norm(table) == pytest.approx(s[0], rel=1e-12 if kind is np.float64 else 1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_polar_factor_leaves_out_the_null_space(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    table = generator.normal(size=(shape[0], 3)) @ generator.normal(size=(3, shape[1]))
    u, _, vt = np.linalg.svd(table, full_matrices=False)
    np.testing.assert_allclose(ShortSide(table).polar(table), u[:, :3] @ vt[:3], atol=1e-9)


@pytest.mark.parametrize("shape", [(ROWS + 50, 20), (20, 60)])
def test_vanishing_values_do_not_add_up_in_single_precision(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(2)
    table = (generator.normal(size=(shape[0], 2)) @ generator.normal(size=(2, shape[1]))).astype(np.float32)
    wanted = np.linalg.svd(table.astype(float), compute_uv=False)[:2].sum()
    assert nuclear_norm(table, exact=False) == pytest.approx(wanted, rel=1e-5)
    noisy = np.sqrt(
        np.maximum(np.linalg.eigvalsh(table.T @ table if shape[0] > shape[1] else table @ table.T), 0)
    ).sum()
    assert noisy > wanted * (1 + 1e-4)
