from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.probing.decomposition import decompose_updates
from geomem.runs.tables import Measurement
from geomem.studies.evidence import Evidence
from geomem.studies.layer_updates.settings import SMOKE, Reading
from geomem.studies.layer_updates.work import (
    BINS,
    HEADLINE,
    MAIN,
    UNTRAINED,
    effect_by_error,
    measure,
    metric,
    windows_of,
)
from geomem.training.progress import silent
from geomem.training.work import Work
from tests.probing import tiny

READING = Reading(context=16, bank=300, evaluation=60, singles=4)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("updates")
    settings: dict[str, Any] = {
        "lm": SMOKE.lm.model_copy(update={"text": str(tiny.text_file(folder))}).model_dump(mode="json"),
        "model": str(tiny.saved(tiny.gpt2(), folder / "model")),
        "reading": READING.model_dump(mode="json"),
        "kinds": [MAIN, "affine"],
        "controls": True,
    }
    return Work(function="geomem.studies.layer_updates.work:measure", settings=settings)


def at(rows: Any, name: str, condition: str = "") -> dict[int | None, float]:
    found: list[Measurement] = [row for row in rows if row.metric == name and row.condition == condition]
    assert len({row.layer for row in found}) == len(found)
    return {row.layer: row.value for row in found}


def test_a_cell_measures_the_model_its_null_controls_and_its_twin(work: Work) -> None:
    found = measure(work, None, silent)  # type: ignore[arg-type]
    adapter = adapt(tiny.gpt2())
    bank, evaluation = windows_of(work, adapter, READING)
    direct = decompose_updates(adapter, bank, evaluation, kinds=(MAIN, "affine"), singles=4)
    for name in ("align_t", "pi_r", "rho_absolute", "single_kl"):
        for kind in (MAIN, "affine"):
            expected = at(direct.rows, metric(name, kind))
            assert list(expected) == [0, 1, 2]
            assert at(found.rows, metric(name, kind)) == expected
    assert at(found.rows, metric("rho_relative"), "permuted") == at(direct.rows, metric("rho_relative"), "permuted")
    assert (
        list(at(found.rows, metric("pi_r"), "rotated")) == list(at(found.rows, metric("pi_r"), "chance")) == [0, 1, 2]
    )
    twin = at(found.rows, metric("rho_relative"), UNTRAINED)
    assert list(twin) == [0, 1, 2]
    assert twin != at(found.rows, metric("rho_relative"))
    assert at(found.rows, metric("rho_relative", "affine"), UNTRAINED) == {}
    assert (found.numbers["text/bank"], found.numbers["text/evaluation"]) == (300, 60)
    assert 0 < found.numbers["model/loss"] < 30


def test_without_controls_only_the_model_is_measured(work: Work) -> None:
    settings = {**work.settings, "kinds": ["diag"], "controls": False}
    found = measure(work.model_copy(update={"settings": settings}), None, silent)  # type: ignore[arg-type]
    assert {row.condition for row in found.rows} == {"", "chance"}
    assert list(at(found.rows, metric("r2", "diag"))) == [0, 1, 2]
    assert not any(row.metric.startswith("tenths/") for row in found.rows)


def test_bank_and_evaluation_share_no_window_and_depend_on_the_seed(work: Work) -> None:
    adapter = adapt(tiny.gpt2())
    bank, evaluation = windows_of(work, adapter, READING)
    assert (bank.shape, evaluation.shape) == ((20, 16), (4, 16))
    assert not {tuple(row) for row in bank.tolist()} & {tuple(row) for row in evaluation.tolist()}
    again = windows_of(work, adapter, READING)
    assert torch.equal(again[1], evaluation)
    other = windows_of(work.model_copy(update={"seed": 1}), adapter, READING)
    assert not torch.equal(other[1], evaluation)
    with pytest.raises(InputError, match="give more text"):
        windows_of(work, adapter, Reading(context=16, bank=50_000))


def test_tenths_are_medians_of_the_tokens_by_error() -> None:
    generator = torch.Generator().manual_seed(0)
    errors, effects = torch.rand(2, 2, 50, generator=generator)
    rows = effect_by_error({f"decomposition.{MAIN}.errors": errors, f"decomposition.{MAIN}.kl": effects})
    assert len(rows) == 2 * BINS * 2
    for row in rows:
        assert row.layer is not None
        assert row.step is not None
        order = errors[row.layer].argsort()[5 * (row.step - 1) : 5 * row.step]
        values = {"tenths/error": errors, "tenths/kl": effects}[row.metric][row.layer, order]
        assert row.value == float(values.sort().values[2])


def test_the_headline_classes_are_measured_in_a_run(updates_evidence: dict[str, Evidence]) -> None:
    for kind in HEADLINE:
        assert updates_evidence["model"].profile("model", 0, metric("r2", kind))[0] == [0, 1]
    steps, errors = updates_evidence["model"].series("model", 0, "tenths/error", 1)
    assert steps == list(range(1, BINS + 1))
    assert errors == sorted(errors)


def test_a_masked_model_is_refused(work: Work, tmp_path: Path) -> None:
    model = tiny.saved(tiny.bert(), tmp_path)
    with pytest.raises(InputError, match="causal language model"):
        measure(work.model_copy(update={"settings": {**work.settings, "model": str(model)}}), None, silent)  # type: ignore[arg-type]
