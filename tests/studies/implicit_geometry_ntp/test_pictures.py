from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geomem.runs.exhibits import Curves, Heatmap, Table
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp import pictures
from geomem.studies.implicit_geometry_ntp.panels import CLOSED_FORM, SOLVED, Shown, logit_maps
from geomem.studies.implicit_geometry_ntp.study import STUDY
from tests.contract.checks import check_exhibits
from tests.studies.written import Written


def test_every_experiment_has_pictures(ntp_evidence: dict[str, Evidence], tmp_path: Path) -> None:
    made = {one.name: list(one.exhibits(ntp_evidence[one.name])) for one in STUDY.experiments}
    check_exhibits([exhibit for some in made.values() for exhibit in some], tmp_path)
    assert all(exhibit.experiment == name for name, some in made.items() for exhibit in some)
    assert [exhibit.id for some in made.values() for exhibit in some if exhibit.hero] == ["symmetric-logits"]


def test_every_picture_of_a_direction_says_which_one(ntp_evidence: dict[str, Evidence]) -> None:
    for experiment in STUDY.experiments:
        for one in experiment.exhibits(ntp_evidence[experiment.name]):
            words = f"{one.title} {getattr(one, 'y_label', '')}" + " ".join(
                panel.title for panel in getattr(one, "panels", ())
            )
            if "L_mm" in words and not isinstance(one, Table):
                said = CLOSED_FORM if experiment.name == "symmetric" else SOLVED
                assert said in one.caption, one.id


def test_a_direction_is_drawn_at_its_best_multiple() -> None:
    direction = np.array([[1.0, -1.0], [-1.0, 1.0]])
    finite = np.array([[0.0, 0.2], [0.0, -0.2]])
    arrays = {"directional": 3 * direction, "direction": direction, "logits": 3 * direction + finite, "finite": finite,
              "finite_predicted": finite}  # fmt: skip
    whole, parts = logit_maps(Written("x", {}), arrays, Shown("which."), order=0)
    assert whole.panels[2].matrix == whole.panels[1].matrix
    assert whole.panels[2].title == "3.0 L_mm, predicted"
    assert parts.panels[0].matrix == parts.panels[1].matrix


def test_curves_begin_at_step_one_and_distances_are_those_of_cosines(ntp_evidence: dict[str, Evidence]) -> None:
    made = {one.id: one for one in pictures.symmetric(ntp_evidence["symmetric"])}
    cosines, distances = made["symmetric-cosines"], made["symmetric-distance"]
    assert isinstance(cosines, Curves)
    assert isinstance(distances, Curves)
    assert min(cosines.series[0].x) == 1
    assert distances.series[0].y[-1] == pytest.approx(np.sqrt(2 - 2 * cosines.series[0].y[-1]), rel=0.05)
    assert distances.series[1].dashed


def test_rows_and_columns_are_named(ntp_evidence: dict[str, Evidence]) -> None:
    made = {one.id: one for one in pictures.transformer(ntp_evidence["transformer"])}
    logits, contexts = made["transformer-logits"], made["transformer-contexts"]
    assert isinstance(logits, Heatmap)
    assert logits.row_names is not None
    assert "harbour" in logits.row_names
    assert isinstance(contexts, Table)
    assert contexts.rows[0][1] == "old captain sailed towards the"
