from __future__ import annotations

from pathlib import Path

import pytest

from geomem.errors import InputError
from geomem.spec import validate
from geomem.training import cost as module
from geomem.training.cost import Cost, estimate
from geomem.training.loop import Loop
from geomem.training.spec import TrainSpec
from tests.training.settings import new_run, small


def test_counts_are_exact(tmp_path: Path) -> None:
    spec = small(model={"kind": "transformer", "width": 16, "layers": 1, "heads": 2, "frozen": True})
    found = estimate(spec)
    model = Loop(spec, new_run(tmp_path, spec)).raw
    assert found.steps == 30
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.trainable == sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert 0 < found.trainable < found.parameters
    assert found.streams == {"edges": 17, "paths": 6}
    assert found.peak_mib > 50
    assert found.device == "cpu: asked for"


def test_time_is_steps_of_each_stage_and_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "time_steps", lambda _self, _count: ([0.5, 2.0], 7.0))
    found = estimate(small())
    assert found.seconds_per_step == {"edges": 0.5, "both": 2.0}
    assert found.seconds == pytest.approx(12 * 0.5 + 18 * 2.0 + 4 * 7.0)


def test_a_word_vector_model_is_estimated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from geomem.training import word_vectors

    spec = validate(
        TrainSpec,
        {
            "task": {"kind": "in-weights-edges", "graph": "cycle"},
            "evaluate_every": 1000,
            "model": {"kind": "node2vec", "width": 6, "steps": 4000},
            "measure": ["cosine-level"],
        },
    )
    trained = word_vectors.train_vectors

    def timed(trial: TrainSpec, run: object) -> object:
        done = trained(trial, run)  # type: ignore[arg-type]
        done.seconds = 3.0 + 0.01 * trial.steps
        return done

    monkeypatch.setattr(word_vectors, "train_vectors", timed)
    found = estimate(spec)
    assert (found.steps, found.parameters, found.trainable) == (4000, 90, 90)
    assert found.streams == {"edges": 15}
    assert found.seconds_per_step == {"main": pytest.approx(0.01)}
    assert found.seconds == pytest.approx(4000 * 0.01 + 5 * 3.0)


def test_what_a_run_would_refuse_is_refused() -> None:
    with pytest.raises(InputError, match="needs 'coordinates'"):
        estimate(small(measure=["map-recovery"]))


def test_lines_say_steps_minutes_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Cost(30, 1234567, 10, {"edges": 17}, {"main": 0.0125}, 90.0, 512.4, "cpu: asked for").lines()
    assert lines == [
        "data: 17 edges",
        "model: 1,234,567 parameters, 10 trained",
        "steps: 30, a step takes main 12.5 ms",
        "time: about 1.5 minutes on cpu: asked for, evaluations included",
        "memory: about 512 MiB at its peak",
    ]
    assert module._peak_mib() > 10
