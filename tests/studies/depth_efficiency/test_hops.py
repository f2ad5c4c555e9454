from __future__ import annotations

import pytest
import torch

from geomem.geometry.depth import depth_score, depth_trend
from geomem.models.adapters.adapter import Adapter
from geomem.runs.tables import Measurement
from geomem.studies.depth_efficiency.composer import build_composer, last_logits
from geomem.studies.depth_efficiency.hops import (
    OUTPUT,
    RIGHT,
    SCORE,
    TREND,
    attribution_map,
    depth_rows,
    erased_map,
    measure_hops,
    skip_effects_on_answers,
)
from geomem.studies.depth_efficiency.settings import Hops
from geomem.studies.depth_efficiency.world import World, make_world
from geomem.training.progress import Event
from geomem.training.work import Work

SETTINGS = Hops(entities=5, relations=2, hops=3, width=16, layers=3, heads=2, steps=60, batch=16, examples=9,
                explained=2, gradient_steps=32, lr=1e-2, warmup=5)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, 2, 3, 0.3, seed=0)


@pytest.fixture(scope="module")
def composer(world: World) -> Adapter:
    """Untrained, with weights large enough that its blocks do something."""
    made = build_composer(SETTINGS, world.vocabulary, 0)
    with torch.no_grad():
        for block in made.blocks:
            for parameter in block.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(8)
    return made


def test_skipping_a_block_is_leaving_out_what_it_writes(composer: Adapter, world: World) -> None:
    questions = world.questions(2, 6, 0)[0]
    found = skip_effects_on_answers(composer, questions)
    assert found.shape == (len(questions), 3)
    # The last block, by hand: the output layer reads the stream that entered it.
    with composer.record(streams=True, parts=False) as record:
        composer.run(questions)
    with_it, without = (composer.logits(record.streams[layer][:, -1]).double().softmax(-1) for layer in (3, 2))
    assert torch.allclose(found[:, 2], (with_it - without).norm(dim=1).detach(), atol=1e-6)


def test_rows_are_depth_scores_of_the_mean_effects_and_their_slope(composer: Adapter, world: World) -> None:
    rows = depth_rows(composer, world, SETTINGS, 0, "here")
    effects = [skip_effects_on_answers(composer, world.questions(hops, 9, 0)[0]) for hops in (1, 2, 3)]

    def of(metric: str, step: int | None) -> list[Measurement]:
        return [row for row in rows if row.metric == metric and row.step == step]

    for hops, own in enumerate(effects, start=1):
        (score,) = of(SCORE, hops)
        assert score.value == pytest.approx(depth_score(own.mean(0)))
        assert score.low is not None
        assert score.high is not None
        assert score.low <= score.value <= score.high
        assert [row.value for row in of(OUTPUT, hops)] == pytest.approx(own.mean(0).tolist())
        assert 0 <= of(RIGHT, hops)[0].value <= 1
    (slope,) = of(TREND, None)
    assert slope.value == pytest.approx(depth_trend([1, 2, 3], effects).value)
    assert {row.condition for row in rows} == {"here"}


def test_attributions_sum_to_the_change_of_the_answer(composer: Adapter, world: World) -> None:
    questions, answers = (part[:3] for part in world.questions(3, 9, 0))
    found = attribution_map(composer, questions, answers, 64)
    assert found.shape == (3, 5)

    # Completeness, last block: from its output averaged over positions to its output, at the last position.
    with composer.record(streams=True, parts=False) as record:
        composer.run(questions)
    last = record.streams[3]
    ends = [composer.logits(stream).detach().softmax(-1) for stream in (last[:, -1], last.mean(1))]
    change = [float((ends[0] - ends[1])[row, answer]) for row, answer in enumerate(answers.tolist())]
    assert float(found[2].sum()) == pytest.approx(sum(change) / 3, abs=1e-3)
    # What the last block wrote elsewhere cannot reach the answer.
    assert found[2, :-1].abs().max() < 1e-9
    assert found[0, :-1].abs().max() > 1e-6


def test_erasing_elsewhere_after_the_last_block_changes_nothing(composer: Adapter, world: World) -> None:
    questions = world.questions(3, 9, 0)[0]
    found = erased_map(composer, questions)
    assert found.shape == (4, 5)
    assert float(found[3, :-1].max()) == 0
    assert float(found[3, -1]) > 0
    assert float(found[0].min()) > 0


def test_a_cell_trains_and_keeps_rows_and_maps() -> None:
    told: list[Event] = []
    work = Work(seed=1, function="m:f", settings={"hops": SETTINGS.model_dump(mode="json")})
    found = measure_hops(work, None, told.append)  # type: ignore[arg-type]
    assert {name: tuple(array.shape) for name, array in found.arrays.items()} == {
        "erased": (4, 5), "attributions": (3, 5),
    }  # fmt: skip
    assert {row.condition for row in found.rows} == {"", "untrained"}
    assert found.numbers == {"hops/chance": 0.2}
    assert [event.step for event in told] == [50]
    trained, untrained = (
        [row.value for row in found.rows if row.metric == RIGHT and row.condition == condition and row.step == 1]
        for condition in ("", "untrained")
    )
    assert trained > untrained
    world = make_world(5, 2, 3, 0.3, seed=1)
    fresh = build_composer(SETTINGS, world.vocabulary, 1)
    assert last_logits(fresh, world.chains[:1]).shape == (1, world.vocabulary)
