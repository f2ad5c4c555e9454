from __future__ import annotations

import re
from pathlib import Path

import pytest

from geomem.studies import cache
from geomem.studies.cache import cache_path
from tests.studies.shared_toy import SharedSettings, training
from tests.training.settings import small


def test_the_folder_is_decided_by_everything_that_decides_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = training(SharedSettings(), 0)
    found = cache_path(tmp_path, spec)
    assert found.parent == tmp_path / "cache"
    assert re.fullmatch("toy-model-0-[0-9a-f]{12}", found.name)
    assert cache_path(tmp_path, training(SharedSettings(), 0)) == found
    assert cache_path(tmp_path, training(SharedSettings(lr=1e-3), 0)) != found
    assert cache_path(tmp_path, spec.model_copy(update={"seed": 1})) != found
    for package in ("geomem", "torch"):
        known = {"geomem": "1", "torch": "2", "numpy": "3"}
        monkeypatch.setattr(cache, "versions", lambda known=known: known)
        before = cache_path(tmp_path, spec)
        monkeypatch.setattr(cache, "versions", lambda known=known, package=package: {**known, package: "9"})
        assert cache_path(tmp_path, spec) != before
        monkeypatch.setattr(cache, "versions", lambda known=known: {**known, "numpy": "9"})
        assert cache_path(tmp_path, spec) == before


def test_a_file_that_changed_is_another_training(tmp_path: Path) -> None:
    file = tmp_path / "edges.csv"
    file.write_text("a,b\n")
    spec = small(task={"kind": "in-weights-edges", "graph": {"kind": "file", "path": str(file)}},
                 stages=[{"steps": 3}])  # fmt: skip
    before = cache_path(tmp_path, spec)
    assert cache_path(tmp_path, spec) == before
    file.write_text("a,c\n")
    assert cache_path(tmp_path, spec) != before
