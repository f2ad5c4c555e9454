from __future__ import annotations

from geomem.errors import RunError
from geomem.runs.directory import Run
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.representation_phases.course import RANKME
from geomem.studies.representation_phases.predicates import COURSE
from geomem.studies.representation_phases.settings import LAPTOP
from geomem.studies.representation_phases.study import STUDY, finding
from tests.studies.geometric_memory.samples import Made


class Alone(Made):
    """A model without a course, and its untrained twin."""

    def series(self, condition: str, seed: int, metric: str, layer: int | None = None) -> tuple[list[int], list[float]]:
        raise RunError("none")

    def measured(self, condition: str, metric: str, layer: int | None = None, *, control: str = "") -> dict[int, float]:
        return {0: 90.0} if control == "untrained" else super().measured(condition, metric, layer)


def test_the_finding_is_computed_from_what_was_measured() -> None:
    course = Made({(COURSE, RANKME): [{0: 40.0, 20: 4.0, 900: 30.0}]}, LAPTOP)  # pyright: ignore[reportArgumentType]
    said = finding({"language-model": course})
    assert said == ("The language model's effective rank goes from 40 down to 4 (step 20) and up to 30 at the end of "
                    "training.")  # fmt: skip
    alone = Alone({(COURSE, RANKME): [40.0]}, LAPTOP)  # pyright: ignore[reportArgumentType]
    assert finding({"language-model": alone}) == (
        "The model's effective rank is 40 after the final norm, and 90 untrained."
    )
    toy = Made({("toy", "tilt-0.2/drawdown_of_most"): [0.009], ("toy", "wider/drawdown_largest"): [0.0]}, LAPTOP)  # pyright: ignore
    assert "falls again by 0.009 after its peak, and by 0 with a dimension more" in finding({"toy": toy})
    assert finding({"language-model": Made({(COURSE, "other"): [1.0]}, LAPTOP)}) == ""  # pyright: ignore


def test_the_smoke_run_judges_every_claim(phases_run: Run, phases_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, phases_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert {verdicts[name] for name in ("T1", "T2", "T3-wider", "T3-squared-error", "T4", "M1")} == {"supported"}
    assert phases_run.info.finding == finding(phases_evidence)
