from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from geomem.contexts.files import open_contexts
from geomem.probing.context_pictures import context_pictures
from geomem.probing.findings import Probed
from geomem.report.figures import draw
from tests.probing import tiny
from tests.probing.counted import saved_counts
from tests.probing.test_findings import result


@pytest.fixture
def probed(tmp_path: Path) -> tuple[Probed, str]:
    folder = saved_counts(tmp_path)
    tokens = open_contexts(Path(folder)).matrix.contexts[:12]
    kept = {"contexts/tokens": tokens, "contexts/supports": torch.eye(12), "contexts/states": torch.rand(12, 12),
            "contexts/layer": torch.tensor([2])}  # fmt: skip
    numbers = {f"contexts/{name}": 0.5 for name in ("entropy", "loss", "gap", "inside", "direction")}
    chance = {name: value / 2 for name, value in numbers.items()}
    own = replace(result({}, numbers, chance=chance), kept=kept)
    twin = replace(result({}, {**numbers, "contexts/gap": 3.0}, "untrained"), kept=kept)
    return Probed(own, twin, result({}, condition="shuffled")), folder


def test_predictions_stand_beside_null_models_and_frequencies(probed: tuple[Probed, str]) -> None:
    table, picture = context_pictures([probed[0]], tiny.spec(contexts=probed[1]))
    assert [row[0] for row in table.rows] == ["m", "m, untrained twin", "frequencies alone"]
    gap = table.columns.index("loss above the entropy (nats)")
    assert [row[gap] for row in table.rows] == [0.5, 3.0, 0.25]
    assert table.rows[0][table.columns.index("correlation of log-odds")] is None
    assert [panel.title for panel in picture.panels] == ["supports", "m, layer 2", "untrained twin, layer 2"]
    assert len(picture.row_names) == 12
    assert all(0 < len(name) <= 14 for name in picture.row_names)
    draw(picture)


def test_there_is_nothing_to_draw_without_a_matrix() -> None:
    assert context_pictures([Probed(replace(result({}), kept={}))], tiny.spec()) == []
