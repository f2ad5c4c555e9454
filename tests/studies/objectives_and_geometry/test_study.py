from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits
from geomem.studies.claim import judge
from geomem.studies.objectives_and_geometry.cells import (
    FAMILY_OBJECTIVES,
    HYBRID,
    PATH_OBJECTIVES,
    family_cells,
    family_objective,
    family_passes,
    path_cells,
)
from geomem.studies.objectives_and_geometry.predicates import RETRIEVAL
from geomem.studies.objectives_and_geometry.settings import LAPTOP, SMOKE
from geomem.studies.objectives_and_geometry.study import STUDY, finding
from tests.studies.geometric_memory.samples import Made
from tests.studies.small_runs import evidence_of, run_smoke, untrained_scores


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_smoke("objectives-and-geometry", tmp_path_factory.mktemp("objectives"))


def test_the_smoke_run_judges_every_claim_and_draws_every_picture(run: Run) -> None:
    evidence = evidence_of(run)
    verdicts = {claim.id: judge(claim, evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert "not run" not in verdicts.values()
    assert run.info.finding == finding(evidence)
    assert "for paths, " in run.info.finding
    ids = {one.id for one in read_exhibits(run.path / "exhibits")}
    assert ids == {"paths-retrieval", "paths-fiedler", "paths-zigzag", "paths-exact", "paths-frozen",
                   "families-over-training", "families-gap"}  # fmt: skip


def test_only_the_objective_differs_between_conditions() -> None:
    """Task and stages are the same for all; diffusion alone has another model, one that looks ahead."""
    cells = [one for one in path_cells(LAPTOP, [0]) if not one.condition.startswith(("frozen", "edges"))]
    specs: list[Any] = [one.spec for one in cells]
    assert len({one.task.model_dump_json() for one in specs}) == 1
    assert len({str([stage.model_dump() for stage in one.stages]) for one in specs}) == 1
    models = {one.condition: one.spec.model.model_dump_json() for one in cells}  # type: ignore[union-attr]
    assert len(set(models.values())) == 2
    assert [name for name in models if models[name] != models["next-token"]] == ["masked-diffusion"]


def test_families_are_compared_at_equal_passes() -> None:
    own = LAPTOP.families
    for cell in family_cells(LAPTOP, [0]):
        spec: Any = cell.spec
        assert spec.steps * family_passes(cell.condition) == own.passes
        assert spec.evaluate_every * family_passes(cell.condition) == own.evaluate_every
    assert family_passes(f"{HYBRID}-seed") == 2


def test_a_seed_is_put_before_the_prompt_where_the_name_says_so() -> None:
    found = {name: family_objective(name, SMOKE.families) for name in FAMILY_OBJECTIVES}
    assert found["next-token"] == {"kind": "next-token"}
    assert found["hybrid-teacherless-seed"] == {"kind": "seed", "length": 2, "of": "hybrid-teacherless"}


def test_the_finding_says_nothing_of_what_was_not_run(tmp_path: Path) -> None:
    assert finding({}) == ""


def test_the_finding_says_when_nothing_differs() -> None:
    numbers: dict[tuple[str, str], list[float]] = {(name, RETRIEVAL): [1.0, 1.0] for name in PATH_OBJECTIVES}
    own = Made(numbers, LAPTOP)  # type: ignore[arg-type]
    said = "Under every objective for paths, 100% of the held-out leaves lie beside their first hop."
    assert finding({"paths": own}) == said
    numbers[("reversed", RETRIEVAL)] = [0.5, 0.7]
    assert "reversed the fewest (60%)" in finding({"paths": Made(numbers, LAPTOP)})  # type: ignore[arg-type]


@pytest.mark.parametrize("pauses", [1, 80])
def test_long_sequences_have_their_positions(pauses: int) -> None:
    for cell in path_cells(SMOKE.model_copy(update={"pauses": pauses}), [0]):
        assert cell.spec.model_dump()["model"]["max_positions"] == (64 if pauses == 1 else 87)
        if cell.condition in ("next-token", "pause"):
            assert untrained_scores(cell.spec)
