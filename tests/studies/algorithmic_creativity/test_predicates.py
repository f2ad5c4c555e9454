from __future__ import annotations

from geomem.runs.tables import Measurement
from geomem.studies.algorithmic_creativity.settings import Settings
from geomem.studies.algorithmic_creativity.study import STUDY
from geomem.studies.claim import Verdict, judge
from tests.studies.written import Written, row

LAPTOP = Settings()


def verdict(claim: str, cells: dict[str, list[Measurement]], settings: Settings = LAPTOP) -> Verdict:
    (found,) = [one for one in STUDY.claims if one.id == claim]
    return judge(found, Written("siblings", {(name, 0): rows for name, rows in cells.items()}, settings))[0]


def greedy(creativity: float, memorisation: float = 0.5) -> list[Measurement]:
    return [row("siblings/creativity@t0", creativity), row("siblings/memorisation@t0", memorisation)]


def course(creativity: list[float], coherence: list[float]) -> list[Measurement]:
    pairs = enumerate(zip(creativity, coherence, strict=True))
    return [
        one
        for step, (new, good) in pairs
        for one in (
            row("siblings/creativity@t1", new, step=100 * step),
            row("siblings/coherence@t1", good, step=100 * step),
        )
    ]


def test_half_as_much_again() -> None:
    assert verdict("K1", {"hybrid-seed": greedy(0.16), "ntp-seed": greedy(0.10)}) == "supported"
    assert verdict("K1", {"hybrid-seed": greedy(0.14), "ntp-seed": greedy(0.10)}) == "contradicted"


def test_two_methods_that_make_nothing_say_nothing() -> None:
    assert verdict("K1", {"hybrid-seed": greedy(0.0), "ntp-seed": greedy(0.0)}) == "inconclusive"


def test_fifteen_hundredths_less_memorised() -> None:
    assert verdict("K2", {"hybrid-seed": greedy(0.2, 0.5), "ntp-seed": greedy(0.1, 0.7)}) == "supported"
    assert verdict("K2", {"hybrid-seed": greedy(0.2, 0.6), "ntp-seed": greedy(0.1, 0.7)}) == "contradicted"


def test_seeds_against_sampling() -> None:
    late = course([0.4, 0.04], [0.5, 0.9])
    assert verdict("K3", {"ntp-seed": greedy(0.1), "ntp": late}) == "supported"
    assert verdict("K3", {"ntp-seed": greedy(0.07), "ntp": late}) == "contradicted"
    assert verdict("K3", {"ntp-seed": greedy(0.1), "ntp": course([0.4, 0.06], [0.5, 0.9])}) == "contradicted"


def test_a_rise_and_a_fall() -> None:
    assert verdict("K4", {"ntp": course([0.0, 0.5, 0.2], [0.0, 0.6, 0.9])}) == "supported"
    assert verdict("K4", {"ntp": course([0.0, 0.5, 0.3], [0.0, 0.6, 0.9])}) == "contradicted"
    # It must not fall because nothing holds together any more.
    assert verdict("K4", {"ntp": course([0.0, 0.5, 0.1], [0.0, 0.6, 0.5])}) == "contradicted"
    assert verdict("K4", {"ntp": course([0.0, 0.0], [0.0, 0.1])}) == "contradicted"


def test_a_short_training_supports_nothing_about_late_ones() -> None:
    short = Settings.model_validate({"siblings": {"passes": 1000}})
    assert verdict("K1", {"hybrid-seed": greedy(0.3), "ntp-seed": greedy(0.1)}, short) == "inconclusive"


def test_longer_seeds() -> None:
    names = ("seed-length-0", "seed-length-3", "seed-length-6")

    def cells(*values: float) -> dict[str, list[Measurement]]:
        return {name: greedy(value) for name, value in zip(names, values, strict=True)}

    assert verdict("K5", cells(0.001, 0.1, 0.1)) == "supported"
    assert verdict("K5", cells(0.001, 0.1, 0.08)) == "supported"  # as outputs scatter
    assert verdict("K5", cells(0.001, 0.1, 0.06)) == "contradicted"
