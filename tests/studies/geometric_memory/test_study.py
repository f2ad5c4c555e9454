from __future__ import annotations

import re
from pathlib import Path

import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits, read_verdicts
from geomem.runs.tables import read_measurements
from geomem.studies import STUDIES
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.settings import SMOKE
from geomem.studies.geometric_memory.study import STUDY, finding
from tests.contract.checks import check_exhibits
from tests.studies.conftest import without_umap
from tests.studies.geometric_memory.samples import Made


def test_the_registered_study_is_this_one() -> None:
    assert STUDIES.get("geometric-memory") is STUDY
    assert {one.name for one in STUDY.experiments if one.headline} >= {
        "countries",
        "path-finding",
        "edges-only",
        "tiny-graphs",
    }


def test_the_first_screen_says_what_was_measured_and_nothing_else() -> None:
    retrieval, ridge = "leaf-first-hop/held_out_retrieval", "map-recovery/ridge_r2"
    edges = Made({("trained", retrieval): [0.9, 1.0], ("frozen", retrieval): [0.0, 0.02]})
    places = Made({("trained", ridge): [0.7], ("frozen", ridge): [-0.3]})
    hops = Made({("trained", "paths/held_out/first_hop"): [0.25], ("frozen", "paths/held_out/first_hop"): [0.0]})
    said = finding({"edges-only": edges, "countries": places, "path-finding": hops})
    assert re.findall(r"\d+%", said) == ["95%", "1%", "25%", "0%", "70%", "0%"]
    assert finding({"countries": places}).count("%") == 2
    assert finding({"countries": Made({("trained", ridge): [0.7]})}) == ""
    assert finding({"storage": Made({})}) == finding({}) == ""


def test_a_small_run_of_everything_leaves_everything(smoke_run: Run) -> None:
    assert smoke_run.info.finding == finding({
        name: Evidence(smoke_run.path / "cells" / name, SMOKE) for name in ("edges-only", "path-finding", "countries")
    })  # fmt: skip
    verdicts = read_verdicts(smoke_run.path / "verdicts.json")
    assert [one.claim for one in verdicts] == [claim.id for claim in STUDY.claims]
    assert all(one.verdict != "not-run" for one in verdicts)
    rows = read_measurements(smoke_run.path / "measurements.parquet")
    assert {row.experiment for row in rows} == {one.name for one in STUDY.experiments} - {"storage"}
    exhibits = read_exhibits(smoke_run.path / "exhibits")
    assert {one.experiment for one in exhibits} >= {one.name for one in STUDY.experiments if one.headline}
    assert any(one.hero for one in exhibits)
    for path in (smoke_run.path / "cells").glob("*/*/seed-*"):
        assert Run.open(path).finished, path


def test_pictures_are_valid_exhibits_of_their_experiment(
    smoke_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_umap(monkeypatch)
    every: list[object] = []
    for experiment in STUDY.experiments:
        evidence = Evidence(smoke_run.path / "cells" / experiment.name, SMOKE)
        made = experiment.exhibits(evidence)
        assert all(one.experiment == experiment.name for one in made)
        assert made or experiment.name == "storage"
        every += made
    check_exhibits(every, tmp_path)
