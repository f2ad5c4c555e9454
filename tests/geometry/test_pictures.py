from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from geomem.errors import InputError
from geomem.geometry.laplacian import laplacian_operator
from geomem.geometry.pictures import fix_signs, laplacian_layout, pca, umap_layout
from tests.geometry.samples import cycle, grid, normal


def test_pca_against_scikit_learn() -> None:
    table = normal(30, 6) * torch.arange(1.0, 7.0)
    oracle = PCA(4).fit(table.numpy())
    found = pca(table, 3, first=2)
    assert found.explained.tolist() == pytest.approx(oracle.explained_variance_ratio_[1:4])
    expected = fix_signs(torch.from_numpy(oracle.transform(table.numpy())[:, 1:4]))
    assert torch.allclose(found.points, expected)


def test_pca_of_nothing_and_too_many_components() -> None:
    flat = pca(torch.ones(5, 4), 2)
    assert flat.explained.tolist() == [0, 0]
    with pytest.raises(InputError, match=r"components 3\.\.5 asked for, but there are 1\.\.4"):
        pca(normal(9, 4), 3, first=3)


def test_signs_are_fixed() -> None:
    points = normal(9, 3)
    assert torch.equal(fix_signs(points), fix_signs(-points))


def test_laplacian_layout_draws_a_cycle_as_a_circle() -> None:
    layout = laplacian_layout(cycle(12), 12, 2)
    assert layout.norm(dim=1).tolist() == pytest.approx([float(layout[0].norm())] * 12)
    with pytest.raises(InputError, match="at least 4 nodes"):
        laplacian_layout(cycle(3), 3, 3)


def test_laplacian_layout_are_eigenvectors_two_to_four() -> None:
    layout = laplacian_layout(grid(3, 5), 15).numpy()
    operator = laplacian_operator(grid(3, 5), 15).toarray()
    values = np.linalg.eigvalsh(operator)[::-1][1:4]
    assert np.allclose(operator @ layout, layout * values)


def test_umap_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"geomem\[umap\]"):
        umap_layout(normal(20, 3))
    with pytest.raises(InputError, match="at least 4 nodes"):
        umap_layout(normal(3, 3))


@pytest.mark.slow
def test_umap_separates_clusters_and_is_seeded() -> None:
    pytest.importorskip("umap")
    table = torch.cat([normal(20, 5), normal(20, 5, seed=1) + 20])
    layout = umap_layout(table, seed=3)
    assert layout.shape == (40, 2)
    centres = layout[:20].mean(0), layout[20:].mean(0)
    spread = max(
        float((layout[:20] - centres[0]).norm(dim=1).max()), float((layout[20:] - centres[1]).norm(dim=1).max())
    )
    assert float((centres[0] - centres[1]).norm()) > spread
    assert torch.equal(layout, umap_layout(table, seed=3))
