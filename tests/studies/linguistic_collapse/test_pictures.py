from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import RunError
from geomem.runs.exhibits import Curves, Profiles, Table
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse import pictures
from geomem.studies.linguistic_collapse.experiments import EXPERIMENTS
from geomem.studies.linguistic_collapse.settings import LAPTOP
from tests.contract.checks import check_exhibits
from tests.studies.geometric_memory.samples import Made


def test_every_experiment_has_pictures(collapse_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    made = {one.name: list(one.exhibits(collapse_evidence[one.name])) for one in EXPERIMENTS}
    check_exhibits([exhibit for some in made.values() for exhibit in some], tmp_path)
    assert all(exhibit.experiment == name for name, some in made.items() for exhibit in some)
    assert [exhibit.id for some in made.values() for exhibit in some if exhibit.hero] == ["training-cdnv"]


def test_both_groupings_are_drawn(collapse_evidence: dict[str, Evidence]) -> None:
    first, _, against, profiles, table = pictures.training_pictures(collapse_evidence["training"])
    assert isinstance(first, Curves)
    assert [one.name for one in first.series] == ["next token", "set of possible next tokens"]
    assert isinstance(against, Curves)
    assert list(against.series[0].x) == sorted(against.series[0].x)
    assert isinstance(profiles, Profiles)
    assert [len(panel.series) for panel in profiles.panels] == [2, 2, 2, 2, 2, 1, 1, 1, 1]
    assert min(profiles.panels[0].series[0].x) == 0, "step 1; step 0 has no logarithm"
    assert isinstance(table, Table)
    assert {row[0] for row in table.rows} == {"next token", "set of possible next tokens"}
    assert len(first.series[0].x) == len(against.series[0].x)
    start = next(row for row in table.rows if row[1] == pictures.WORDS["cdnv"])[2]
    assert start == pytest.approx(first.series[0].y[0], rel=1e-3)


def test_a_model_alone_gets_a_table() -> None:
    class Alone(Made):
        """Numbers without steps, of a model and of its untrained twin; support sets were too few."""

        def series(
            self, condition: str, seed: int, metric: str, layer: int | None = None
        ) -> tuple[list[int], list[float]]:
            raise RunError("none")

        def measured(
            self, condition: str, metric: str, layer: int | None = None, *, control: str = ""
        ) -> dict[int, float]:
            if metric.startswith("support"):
                raise RunError("none")
            return {0: {"": 1.0, "untrained": 2.0, "chance": 3.0}[control]}

    (table,) = pictures.training_pictures(Alone({("course", "model/loss"): [1.0]}, LAPTOP))  # pyright: ignore
    assert isinstance(table, Table)
    assert {row[2:] for row in table.rows[:-1]} == {(1.0, 2.0, 3.0)}
    assert table.rows[-1][2:] == (1.0, 2.0, None)
    assert len(table.rows) == len(pictures.WORDS) + 1
    assert table.caption.startswith("1 classes by next token (1 states). ")
