from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from geomem.report.figures import draw
from geomem.runs.exhibits import Heatmap, HeatmapPanel
from tests.report.sample_run import leaf_heatmap


def test_panels_share_one_scale() -> None:
    exhibit = leaf_heatmap(10)
    images = [axes.get_images()[0] for axes in draw(exhibit).axes if axes.get_images()]
    assert len(images) == 2
    assert {image.get_clim() for image in images} == {(-1.0, 1.0)}
    np.testing.assert_allclose(np.asarray(images[0].get_array()), np.asarray(exhibit.panels[0].matrix))


def test_a_diverging_scale_is_centred() -> None:
    panel = HeatmapPanel(title="p", matrix=[[-1, 3]])
    image = draw(Heatmap(id="h", title="h", panels=(panel,), diverging=True)).axes[0].get_images()[0]
    assert image.get_clim() == (-3.0, 3.0)


def test_a_constant_matrix_has_a_scale() -> None:
    panel = HeatmapPanel(title="p", matrix=[[2, 2]])
    low, high = draw(Heatmap(id="h", title="h", panels=(panel,))).axes[0].get_images()[0].get_clim()
    assert low is not None
    assert high == pytest.approx(low + 1)


def test_few_rows_are_named_and_many_are_named_by_group() -> None:
    names = tuple(f"n{index}" for index in range(5))
    panel = HeatmapPanel(title="p", matrix=np.eye(5))
    axes = draw(Heatmap(id="h", title="h", panels=(panel,), row_names=names)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == list(names)
    axes = draw(leaf_heatmap(63)).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["training", "held out"]
    assert axes.get_yticks() == pytest.approx([23.0, 54.5])


def test_of_many_numbered_rows_every_kth_is_named_and_short_maps_have_few() -> None:
    names = tuple(str(layer) for layer in range(31))
    matrix = tuple(tuple(float(i == j) for j in range(31)) for i in range(31))
    figure = draw(Heatmap(id="m", title="m", panels=(HeatmapPanel(title="m", matrix=matrix),), row_names=names))
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels() if text.get_text()]
    assert shown[:2] == ["0", str(int(shown[1]))]
    steps = {int(two) - int(one) for one, two in pairwise(shown)}
    assert len(steps) == 1
    flat = Heatmap(id="f", title="f", panels=(HeatmapPanel(title="f", matrix=(matrix[0], matrix[1], matrix[2])),),
                   row_names=("0", "1", "2"))  # fmt: skip
    narrow = [text.get_text() for text in draw(flat, "narrow").axes[0].get_yticklabels() if text.get_text()]
    assert narrow == ["0"]
