from __future__ import annotations

from geomem.runs.directory import Run
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.linguistic_collapse.predicates import CDNV, COURSE, NC4
from geomem.studies.linguistic_collapse.settings import LAPTOP
from geomem.studies.linguistic_collapse.study import STUDY, finding
from tests.studies.geometric_memory.samples import Made


class Known(Made):
    def measured(self, condition: str, metric: str, layer: int | None = None, *, control: str = "") -> dict[int, float]:
        numbers = {(CDNV, ""): 1.5, (CDNV, "chance"): 20.0, (NC4, ""): 0.25, (NC4, "chance"): 0.01}
        return {0: numbers[metric, control]}


def test_the_finding_is_computed_from_what_was_measured() -> None:
    evidence = Known({(COURSE, CDNV): [1.0]}, LAPTOP)  # pyright: ignore[reportArgumentType]
    said = finding({"training": evidence})
    assert "vary 1.5 times as much as the squared distance between two tokens' means (20 if next tokens" in said
    assert "nearest mean does for 25\u202f% of tokens (1\u202f% by chance)." in said
    assert finding({"training": Made({(COURSE, "other"): [1.0]}, LAPTOP)}) == ""  # pyright: ignore[reportArgumentType]


def test_the_smoke_run_judges_every_claim(collapse_run: Run, collapse_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, collapse_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert {verdicts[name] for name in ("G1", "G2", "G3")} == {"supported"}
    assert "not run" not in verdicts.values()
    assert collapse_run.info.finding == finding(collapse_evidence)
