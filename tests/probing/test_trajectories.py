from __future__ import annotations

from dataclasses import replace

from geomem.probing.findings import Probed
from geomem.probing.trajectories import checkpoints, trajectory
from geomem.runs.exhibits import Curves, Table
from geomem.runs.tables import select
from tests.probing.test_findings import result

STEPS = (0, 10, 100, 1000, 10_000)
RANKS = (40.0, 10.0, 20.0, 35.0, 20.0)
ALPHAS = (0.5, 1.2, 0.9, 0.6, 1.0)


def _series(ranks: tuple[float, ...] = RANKS) -> list[Probed]:
    found = []
    for step, rank, alpha in zip(STEPS, ranks, ALPHAS, strict=True):
        one = result({"spectrum/rankme": [50.0, rank], "spectrum/alpha": [0.4, alpha]}, {"model/loss": 9.0 - step**0.1},
                     layers=1)  # fmt: skip
        rows = [row.model_copy(update={"step": step}) for row in one.rows]
        found.append(Probed(replace(one, step=step, rows=rows)))
    return found


def test_the_three_phases_are_found_named_and_said() -> None:
    course = trajectory(_series())
    (table,) = [one for one in course.exhibits if isinstance(one, Table)]
    assert [row[0] for row in table.rows] == ["warmup", "entropy-seeking", "compression-seeking"]
    assert [row[1] for row in table.rows] == [0, 10, 1000]
    (sentence,) = course.sentences
    assert sentence.startswith(
        "Over 5 checkpoints, step 0 to 10000, the last layer goes through: warmup from step 0 to 10"
    )
    starts = select(course.rows, metric="phases/1_start", layer=1)
    assert [(row.condition, row.value) for row in starts] == [("entropy-seeking", 10.0)]
    assert not select(course.rows, layer=0)  # the embedding's rank did not change


def test_a_flat_course_has_no_phase_and_says_so() -> None:
    (sentence,) = trajectory(_series((20.0, 20.1, 20.0, 20.2, 20.1))).sentences
    assert "does not change by more than 5 % and its noise" in sentence


def test_every_measurement_is_drawn_over_steps() -> None:
    drawn = {one.id: one for one in trajectory(_series()).exhibits}
    ranks = drawn["training-spectrum-rankme"]
    assert isinstance(ranks, Curves)
    assert ranks.hero
    assert ranks.log_x
    assert ranks.series[-1].x == STEPS
    assert ranks.series[-1].y == RANKS
    assert "training-loss" in drawn


def test_checkpoints_carry_rank_and_alpha() -> None:
    found = checkpoints(_series(), 1)
    assert [(one.step, one.rankme, one.alpha) for one in found] == list(zip(STEPS, RANKS, ALPHAS, strict=True))
