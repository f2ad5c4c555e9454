from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.runs.directory import Run
from geomem.studies.claim import judge
from geomem.studies.deep_linear_dynamics.settings import LAPTOP
from geomem.studies.deep_linear_dynamics.study import STUDY, finding, own
from geomem.studies.evidence import Evidence
from tests.studies.geometric_memory.samples import Made


def test_the_smoke_run_judges_every_claim(linear_run: Run, linear_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, linear_evidence[claim.experiment])[0] for claim in STUDY.claims}
    # What no scale can change; the other claims need the steps, depths and draws of the larger scales.
    assert {verdicts[name] for name in ("S2", "S3", "S5-start", "S7", "S8")} == {"supported"}
    assert "not run" not in verdicts.values()
    assert linear_run.info.finding == finding(linear_evidence)


def test_the_finding_is_computed_from_what_was_measured() -> None:
    tree = Made({("hierarchy", "stages/variation"): [0.02, 0.04], ("hierarchy", "stages/smallest_wait"): [0.1, 0.2]},
                LAPTOP)  # pyright: ignore[reportArgumentType]  # fmt: skip
    said = finding({"hierarchy": tree})
    assert "from the root down, each in a time inverse" in said
    assert "varies by 3\u202f%" in said
    late = Made({("hierarchy", "stages/variation"): [0.02], ("hierarchy", "stages/smallest_wait"): [-0.1]},
                LAPTOP)  # pyright: ignore[reportArgumentType]  # fmt: skip
    assert "not strictly from the root down" in finding({"hierarchy": late})
    depth = Made({("depths", "depth/last_gap"): [0.023], ("starts", "starts/gaussian_over_orthogonal"): [12.0]},
                 LAPTOP)  # pyright: ignore[reportArgumentType]  # fmt: skip
    assert "At 100 matrices the learning time is within 2.3\u202f% of its limit" in finding({"depth": depth})
    assert finding({"depth": Made({("depths", "other"): [1.0]}, LAPTOP)}) == ""  # pyright: ignore[reportArgumentType]


def test_data_that_is_not_there_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        own(LAPTOP.model_copy(update={"data": str(tmp_path / "x.csv")}), [0])
