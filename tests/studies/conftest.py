"""Small study runs that many tests read, each made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.studies import STUDIES
from geomem.studies.geometric_memory import pictures
from tests.studies.small_runs import run_smoke


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the toy studies."""
    monkeypatch.setitem(STUDIES._entries, "toy", ("tests.studies.toy:TOY", "a study for tests"))
    monkeypatch.setitem(STUDIES._entries, "shared-toy", ("tests.studies.shared_toy:SHARED_TOY", "a study for tests"))


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy study at smoke scale, all experiments, two seeds. Read it; do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES._entries, "toy", ("tests.studies.toy:TOY", "a study for tests"))
        return run_smoke("toy", tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy study of shared trainings at smoke scale. Read it; do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES._entries, "shared-toy", ("tests.studies.shared_toy:SHARED_TOY", "a study for tests"))
        return run_smoke("shared-toy", tmp_path_factory.mktemp("s"), experiments=())


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The study of geometric memory at smoke scale, every experiment. Read it; do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        without_umap(patch)
        return run_smoke("geometric-memory", tmp_path_factory.mktemp("smoke"), "tiny.effort=0.005")


def without_umap(patch: pytest.MonkeyPatch) -> None:
    """Draw by principal components: compiling UMAP takes longer than the whole study, and is tested by itself."""

    def missing(*_: object, **__: object) -> None:
        raise InputError("umap: not in this test")

    patch.setattr(pictures, "umap_layout", missing)


@pytest.fixture(scope="session")
def smoke_cells(smoke_run: Run) -> Path:
    return smoke_run.path / "cells"
