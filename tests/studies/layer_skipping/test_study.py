from __future__ import annotations

from geomem.runs.directory import Run
from geomem.runs.exhibits import read_exhibits
from geomem.studies.claim import judge
from geomem.studies.evidence import Evidence
from geomem.studies.layer_skipping.predicates import MODEL, PAIR
from geomem.studies.layer_skipping.settings import SMOKE
from geomem.studies.layer_skipping.study import STUDY, cells, finding, pair_cells
from tests.studies.written import Written, row


def test_the_smoke_run_judges_every_claim(skipping_run: Run, skipping_evidence: dict[str, Evidence]) -> None:
    verdicts = {claim.id: judge(claim, skipping_evidence[claim.experiment])[0] for claim in STUDY.claims}
    assert verdicts["S1"] == verdicts["S4"] == "supported"  # exact whatever the model
    assert "not run" not in verdicts.values()
    assert skipping_run.info.finding == finding(skipping_evidence)
    ids = {one.id for one in read_exhibits(skipping_run.path / "exhibits")}
    assert {"layer-skipping-depth", "layer-skipping-influence", "layer-skipping-match"} <= ids


def test_the_finding_is_computed_from_what_was_measured() -> None:
    rows = [row("damage/spearman", 0.9), row("influence/ratio", 12.0)]
    rows += [row("plan/skip2_loss_increase", 0.1), row("plan/skip2_contiguous_loss_increase", 0.3)]
    said = finding({MODEL: Written("x", {(MODEL, 0): rows})})
    assert said == (
        "Layers that change the stream least are missed least: Spearman 0.90 over the layers. Leaving out two layers "
        "by plan adds 0.100 nats to the loss, two neighbours 0.300. The token just before moves a prediction 12.0 "
        "times as much as the one 16 back."
    )
    other = finding({MODEL: Written("x", {(MODEL, 0): [row("damage/spearman", -0.9), row("influence/ratio", 1.0)]})})
    assert "are not those that are missed least" in other
    assert "No two layers that are no neighbours pass the threshold" in other
    assert finding({}) == ""


def test_a_model_of_the_users_takes_the_place_of_the_trained_ones(skipping_run: Run) -> None:
    trained = next((skipping_run.path.parent / "cache").glob("small-lm-*"))
    (cell,) = cells(SMOKE.model_copy(update={"model": str(trained)}), range(3))
    assert not cell.needs
    assert len(cells(SMOKE, range(3))) == 3
    assert pair_cells(SMOKE.model_copy(update={"model": str(trained)}), range(3)) == []
    assert len(pair_cells(SMOKE, range(3))) == 3


def test_the_pair_is_spoken_of_only_when_it_matches() -> None:
    rows = [row("pair/accuracy_ratio", 1.0), row("match/accuracy", 0.24, condition="diffusion")]
    rows += [row("match/loss", loss, condition=name) for name, loss in (("bag", 5.0), ("unigram", 6.0))]
    rows += [row("influence/ratio", value, condition=name) for name, value in (("causal", 9.0), ("diffusion", 4.0))]
    for loss, said in (
        (4.0, "Of two equal networks that find 24% of masked tokens, the causal one is moved 9.0 times as much by the "
              "nearest token as by the furthest, the masked-diffusion one 4.0 times."),
        (5.5, "The masked-diffusion network did not match the causal one, so the two objectives are not compared."),
    ):  # fmt: skip
        measured = [*rows, row("match/loss", loss, condition="diffusion")]
        assert finding({PAIR: Written("pair", {(PAIR, 0): measured})}) == said
