from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.runs.exhibits import Curves, Profiles, Table
from geomem.studies.evidence import Evidence
from geomem.studies.representation_phases import pictures
from geomem.studies.representation_phases.experiments import EXPERIMENTS
from geomem.studies.representation_phases.settings import LAPTOP
from tests.contract.checks import check_exhibits
from tests.studies.geometric_memory.samples import Made


def test_every_experiment_has_pictures(phases_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    made = {one.name: list(one.exhibits(phases_evidence[one.name])) for one in EXPERIMENTS}
    check_exhibits([exhibit for some in made.values() for exhibit in some], tmp_path)
    assert all(exhibit.experiment == name for name, some in made.items() for exhibit in some)
    assert [exhibit.id for some in made.values() for exhibit in some if exhibit.hero] == [
        "course-rankme",
        "toy-courses",
    ]


def test_the_enlarged_part_begins_late(phases_evidence: dict[str, Evidence]) -> None:
    courses, table = pictures.toy_pictures(phases_evidence["toy"])
    assert isinstance(courses, Profiles)
    whole, late = courses.panels
    assert whole.series[0].x[0] == 0
    assert late.series[0].x[0] == 100
    assert late.series[0].y == pytest.approx([1000 * (value - 2) for value in whole.series[0].y[100:]], abs=0.006)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["tilt 0", "tilt 0.2", "tilt 0.3", "3 dimensions", "squared error",
                                              "plain start", "equal classes"]  # fmt: skip


def test_truncation_is_drawn_against_the_whole(phases_evidence: dict[str, Evidence]) -> None:
    (curves,) = pictures.truncation_curves(phases_evidence["truncation"])
    assert isinstance(curves, Curves)
    assert [one.name for one in curves.series if not one.dashed] == ["leading directions kept alone",
                                                                   "leading directions removed"]  # fmt: skip
    assert curves.references[0].value == pytest.approx(curves.series[1].y[0])


def test_a_model_alone_gets_a_table() -> None:
    metrics = ("final/rankme", "final/alpha", "final/rankme_singular_values", "final/anisotropy", "model/loss",
               "alignment/1-gram", "alignment/5-gram")  # fmt: skip

    class Alone(Made):
        """Numbers without steps, of a model and of its untrained twin."""

        def series(
            self, condition: str, seed: int, metric: str, layer: int | None = None
        ) -> tuple[list[int], list[float]]:
            raise RunError("none")

        def measured(
            self, condition: str, metric: str, layer: int | None = None, *, control: str = ""
        ) -> dict[int, float]:
            return {0: 2.0 if control == "untrained" else 1.0}

    evidence = Alone({("course", metric): [1.0] for metric in metrics}, LAPTOP)  # pyright: ignore[reportArgumentType]
    (table,) = pictures.course_pictures(evidence)
    assert isinstance(table, Table)
    assert {row[1:] for row in table.rows} == {(1.0, 2.0)}
    assert len(table.rows) == len(metrics)
