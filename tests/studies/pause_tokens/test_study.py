from __future__ import annotations

from typing import Any

import pytest
import torch

from geomem.errors import InputError
from geomem.objectives.next_token import NextToken
from geomem.objectives.specs import NextTokenSpec
from geomem.runs.directory import Run
from geomem.runs.exhibits import Curves, Table, read_exhibits
from geomem.spec import validate
from geomem.studies.claim import Verdict, combine, judge
from geomem.studies.evidence import Evidence
from geomem.studies.pause_tokens import mechanics, predicates
from geomem.studies.pause_tokens.cells import counts, crossed, variants
from geomem.studies.pause_tokens.predicates import (
    BOTH,
    COUNTS,
    CROSSED,
    EXACT,
    MECHANICS,
    VARIANTS,
    VARIED,
    accuracy,
    filler,
)
from geomem.studies.pause_tokens.settings import ASKED, LAPTOP, SMOKE, Settings
from geomem.studies.pause_tokens.study import STUDY, finding
from geomem.training.spec import TrainSpec
from geomem.training.work import Work
from tests.studies.geometric_memory.samples import Made
from tests.studies.small_runs import evidence_of, run_smoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_smoke("pause-tokens", tmp_path_factory.mktemp("pauses"))


@pytest.fixture(scope="module")
def evidence(run: Run) -> dict[str, Evidence]:
    return evidence_of(run)


def test_the_smoke_run_measures_what_the_claims_read(run: Run, evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, evidence[claim.experiment]) for claim in STUDY.claims}
    assert verdicts["P1"][0] == "supported"  # exact, whatever the size
    for name, (verdict, tests, note) in verdicts.items():
        assert verdict != "not run"
        assert tests, f"{name}: {note}"
    assert run.info.finding == finding(evidence) != ""
    exhibits = {one.id: one for one in read_exhibits(run.path / "exhibits")}
    parts = ("pauses", "course", "numbers", "filler")
    assert {"pause-tokens-mechanics", f"{COUNTS}-pauses", f"{COUNTS}-numbers"} <= set(exhibits)
    assert {f"{name}-{part}" for name in (BOTH, CROSSED) for part in parts} <= set(exhibits)
    drawn = exhibits[f"{BOTH}-pauses"]
    assert isinstance(drawn, Curves)
    assert drawn.series[0].x == tuple(map(float, ASKED))


def test_the_curve_is_what_the_model_was_trained_and_asked_with(evidence: dict[str, Evidence]) -> None:
    """The last evaluation of the run itself and the curve at the number of fine-tuning are the same measurement."""
    for name, (before, after) in VARIANTS.items():
        own = evidence[BOTH if before == after else CROSSED]
        count = SMOKE.pauses if after else 0
        assert own.measured(name, accuracy(count)) == own.measured(name, predicates.SCORE)
        assert own.measured(name, filler(0)) == own.measured(name, accuracy(0))
    varied = evidence[COUNTS]
    assert varied.measured(VARIED, accuracy(max(SMOKE.varied))) == varied.measured(VARIED, predicates.SCORE)


def test_a_small_fall_is_marked(run: Run, evidence: dict[str, Evidence]) -> None:
    table = next(one for one in read_exhibits(run.path / "exhibits") if one.id == f"{BOTH}-numbers")
    assert isinstance(table, Table)
    fall, mark = table.columns.index("fall without"), table.columns.index("mark")
    assert {row[mark] for row in table.rows if row[fall] is None} == {""}
    for row in table.rows:
        if isinstance(row[fall], float):
            assert (row[mark] != "") == (float(row[fall]) < 0.1)  # type: ignore[arg-type]


def test_variants_differ_in_the_objectives_of_their_stages_alone() -> None:
    cells = [*variants(LAPTOP, [3]), *crossed(LAPTOP, [3]), *counts(LAPTOP, [3])]
    assert len({cell.condition for cell in cells}) == 9
    rest: set[str] = set()
    for cell in cells:
        assert isinstance(cell.spec, TrainSpec)
        stages = tuple(stage.model_copy(update={"objective": None}) for stage in cell.spec.stages)
        rest.add(cell.spec.model_copy(update={"stages": stages}).model_dump_json())
    assert len(rest) == 1
    for cell in (*variants(LAPTOP, [3]), *crossed(LAPTOP, [3])):
        assert isinstance(cell.spec, TrainSpec)
        kinds = tuple(getattr(stage.objective, "kind", "") == "pause" for stage in cell.spec.stages)
        assert kinds == VARIANTS[cell.condition]


# -- the exact checks can fail ---------------------------------------------------------------------------------------


def told() -> Work:
    names = ("keys", "values", "pairs", "packed", "length", "pauses", "share")
    settings = {name: getattr(SMOKE, name) for name in names}
    return Work(seed=1, function="geomem.studies.pause_tokens.mechanics:check", settings=settings)


def checked() -> dict[str, float]:
    return dict(mechanics.check(told(), None, None).numbers)  # type: ignore[arg-type]


def test_the_exact_checks_hold() -> None:
    found = checked()
    assert set(found) == set(EXACT)
    assert found["last_pause/error"] < 1e-5
    assert all(value == 0 for name, value in found.items() if name != "last_pause/error")


def test_predicting_pauses_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses with labels turn into ordinary text: their output row gets a gradient, and no label drops out."""
    from geomem.objectives import pause

    honest = mechanics.strew_pauses

    def careless(batch: Any, token: int, share: float) -> Any:
        from dataclasses import replace

        made = honest(batch, token, share)
        labels = torch.where(made.tokens == token, made.tokens, made.labels)
        labels[:, 0] = -100
        return replace(made, labels=labels)

    monkeypatch.setattr(mechanics, "strew_pauses", careless)
    assert checked()["masked/error"] > 0
    monkeypatch.setattr(pause, "pauses_before_answer", _none)
    assert checked()["last_pause/error"] > 1e-3


def test_no_pauses_is_compared_with_ordinary_training(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(NextTokenSpec):
        def build(self, alphabet: Any) -> Any:
            return _Turning(alphabet)

    monkeypatch.setattr(mechanics, "NextTokenSpec", Other)
    assert checked()["no_pauses/difference"] > 0


def _none(batch: Any, pause: int, counts: Any) -> Any:
    """Put in no pause at all."""
    return batch


class _Turning:
    """Next-token prediction for one step, then the opposite."""

    extra_tokens = 0

    def __init__(self, alphabet: Any) -> None:
        self.inner = NextToken(alphabet.size)
        self.calls = 0

    def __call__(self, model: Any, batch: Any) -> Any:
        self.calls += 1
        return self.inner(model, batch) * (1 if self.calls < 2 else -1)

    def reader(self) -> Any:
        return self.inner.reader()


# -- the judges can fail ---------------------------------------------------------------------------------------------

M = LAPTOP.pauses
MOST = max(LAPTOP.varied)
GOOD: dict[tuple[str, str], float] = {
    **{(MECHANICS, name): 0.0 for name in EXACT},
    ("pause-pause", accuracy(M)): 0.95,
    ("pause-pause", accuracy(0)): 0.4,
    ("standard-standard", accuracy(0)): 0.96,
    ("standard-standard", filler(M)): 0.5,
    (VARIED, accuracy(MOST)): 0.95,
    (VARIED, accuracy(MOST // 2)): 0.9,
}


def verdict(claim: Any, change: dict[tuple[str, str], float]) -> Verdict:
    numbers = {key: [value, value] for key, value in (GOOD | change).items()}
    return combine([test.verdict() for test in claim(Made(numbers, LAPTOP))])  # pyright: ignore


@pytest.mark.parametrize(
    ("claim", "condition", "metric", "value"),
    [
        (predicates.mechanics, MECHANICS, "masked/error", 1.0),
        (predicates.mechanics, MECHANICS, "gradient/pause_row", 1e-9),
        (predicates.mechanics, MECHANICS, "no_pauses/difference", 1e-9),
        (predicates.mechanics, MECHANICS, "last_pause/error", 1e-4),
        (predicates.needs_its_pauses, "pause-pause", accuracy(0), 0.951),
        (predicates.is_not_worse, "standard-standard", accuracy(0), 0.975),
        (predicates.filler_does_not_help, "standard-standard", filler(M), 0.99),
        (predicates.half_is_enough, VARIED, accuracy(MOST // 2), 0.84),
    ],
)
def test_claims_can_fail(claim: Any, condition: str, metric: str, value: float) -> None:
    assert verdict(claim, {}) == "supported"
    assert verdict(claim, {(condition, metric): value}) == "contradicted"


@pytest.mark.parametrize(
    ("claim", "condition", "metric"),
    [
        (predicates.needs_its_pauses, "pause-pause", accuracy(M)),
        (predicates.is_not_worse, "standard-standard", accuracy(0)),
        (predicates.half_is_enough, VARIED, accuracy(MOST)),
    ],
)
def test_a_model_that_has_learned_nothing_decides_nothing(claim: Any, condition: str, metric: str) -> None:
    change = {(condition, metric): 0.3, ("pause-pause", accuracy(0)): 0.1, (VARIED, accuracy(MOST // 2)): 0.3}
    assert verdict(claim, change) == "inconclusive"


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"pauses": 17}, "pauses: choose from 0, 1, 2"),
        ({"counts": (2, 19)}, "counts: choose from"),
        ({"varied": (4,)}, "varied: at least two counts"),
        ({"counts": ()}, "counts: choose from"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        validate(Settings, settings)
    assert "\n" not in str(caught.value)


def test_without_evidence_nothing_is_said() -> None:
    assert finding({}) == ""
