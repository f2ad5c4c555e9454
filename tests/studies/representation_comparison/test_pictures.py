from __future__ import annotations

from pathlib import Path

from geomem.runs.exhibits import Curves, Profiles, Table
from geomem.studies.representation_comparison import pictures
from tests.contract.checks import check_exhibits
from tests.studies.representation_comparison import samples


def test_the_table_of_the_digits(tmp_path: Path) -> None:
    found = list(pictures.digits(samples.digits()))
    check_exhibits(found, tmp_path)
    noise, table, maps = found
    assert isinstance(noise, Curves)
    assert noise.hero
    assert [one.name for one in noise.series] == ["CKA", "unbiased CKA", "RSA", "SVCCA"]
    assert (noise.series[3].x, noise.series[3].y) == ((50, 200), (0.39, 0.17))
    assert isinstance(table, Table)
    assert len(table.rows) == 8
    assert table.rows[0] == ("CKA", 200, 32, 0.9, 0.04, "no", 0.67, 0.2, None, 0.03)
    assert maps.id == "digits-maps"


def test_the_pictures_of_the_language_models(tmp_path: Path) -> None:
    found = list(pictures.language_models(samples.words()))
    check_exhibits(found, tmp_path)
    assert [one.id for one in found] == ["words-depth", "words-maps", "words-needed", "words-encoding", "words-noise"]
    depth, _, needed, encoding, _ = found
    assert isinstance(depth, Profiles)
    assert [one.title for one in depth.panels] == ["Other model", "Untrained twin"]
    best = depth.panels[0].series[0]
    assert (best.x, best.y, best.low, best.high) == ((0, 0.5, 1), (0, 0.5, 1), (0, 0, 0.5), (0.5, 1, 1))
    assert isinstance(needed, Table)
    assert needed.rows[0] == ("other model", 8, "16", "more than 20", 0.5)
    assert isinstance(encoding, Curves)
    assert [one.value for one in encoding.references] == [0.01]
