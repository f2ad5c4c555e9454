"""The works by themselves: what each makes, and that its pieces mean what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geomem.contexts.files import save_contexts
from geomem.contexts.texts import TextSettings, text_contexts
from geomem.errors import InputError
from geomem.geometry.next_token import entropy_gap
from geomem.geometry.subspace_collapse import support_groups
from geomem.solvers.ridge_path import ridge_path
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp import (
    collapse,
    fixed,
    problems,
    study,
    supports,
    symmetric,
    text,
    transformer,
)
from geomem.studies.implicit_geometry_ntp.corpus import corpus
from geomem.studies.implicit_geometry_ntp.predicates import FIXED, TRANSFORMER
from geomem.studies.implicit_geometry_ntp.settings import (
    SMOKE,
    Collapse,
    FixedEmbeddings,
    Symmetric,
    Text,
    TinyTransformer,
)
from tests.texts.samples import pages


def test_conditions_differ_in_what_they_say() -> None:
    made = {name: symmetric.make_problem(Symmetric(), name, 0) for name in symmetric.CONDITIONS}
    even, uneven, both = (made[name] for name in symmetric.CONDITIONS)
    assert len(torch.unique(even.probs)) == 2
    assert len(torch.unique(uneven.probs)) == 13
    assert float(uneven.shares.std()) == 0
    assert float(both.shares.std()) > 0.01


def test_the_law_of_improbable_tokens_is_checked_against_the_minimum() -> None:
    own = Symmetric(vocabulary=5, subset=2)
    problem = symmetric.make_problem(own, symmetric.UNIFORM, 0)
    (point,) = ridge_path(problem.probs, problem.shares, 5, [1e-5])
    assert symmetric.outside_error(point, problem, own) < 1e-3
    assert symmetric.outside_error(point, problem, Symmetric(vocabulary=5, subset=3)) > 0.1


def test_an_instance_where_the_stand_in_is_exact() -> None:
    found = supports.compare(problems.subsets(5, 2), 1e-6)
    assert found["ratio"] == pytest.approx(1, abs=1e-5)
    assert found["cosine"] == pytest.approx(1, abs=1e-5)
    assert found["violation"] <= 0
    generator = torch.Generator().manual_seed(0)
    other = supports.compare(problems.random_supports(10, 40, 4, generator), 1e-6)
    assert 1 <= other["ratio"] < 1.02
    assert other["violation"] > 0


def test_groups_differ_in_frequencies_alone() -> None:
    problem = collapse.make_problem(Collapse(), 0)
    groups = support_groups(problem.support)
    assert torch.equal(torch.bincount(groups), torch.full((12,), 4))
    first = problem.probs[:, groups == 0]
    assert torch.equal(first[:, 0] > 0, first[:, 1] > 0)
    assert not torch.allclose(first[:, 0], first[:, 1])


def test_the_finite_space_of_decoders(ntp_evidence: dict[str, Evidence]) -> None:
    own = FixedEmbeddings()
    problem, contexts = fixed.make_problem(own, 0)
    basis = fixed.finite_basis(problem.support, contexts)
    torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1], dtype=torch.float64))
    assert basis.shape[1] == own.contexts * (own.subset - 1)
    # What is orthogonal to it gives equal logits inside every support.
    words = torch.randn(own.vocabulary, own.width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rest = words - (basis @ (basis.T @ words.flatten())).view_as(words)
    for column, inside in zip((rest @ contexts).T, problem.support.T, strict=True):
        assert float(column[inside].std()) < 1e-12
    found = ntp_evidence["fixed-embeddings"]
    assert found.measured(FIXED, "target/log_odds_residual")[0] < 1e-9
    errors = found.series(FIXED, 0, "descent/finite_error")[1]
    assert errors[-1] < 0.05 * errors[0]


def test_the_transformers_factors_are_its_logits(ntp_evidence: dict[str, Evidence]) -> None:
    data = corpus(0)
    own = TinyTransformer(width=16, layers=1, heads=2, steps=3, marks=3)
    states = list(transformer.train(own, data, 0))
    assert [step for step, *_ in states] == [0, 1, 2, 3]
    _, words, contexts, _ = states[0]
    assert (words.shape, contexts.shape) == ((11, 16), (16, 16))
    gaps = [
        float(entropy_gap(words @ contexts, data.problem.probs, data.problem.shares))
        for _, words, contexts, _ in states
    ]
    assert gaps == sorted(gaps, reverse=True)
    found = ntp_evidence["transformer"].series(TRANSFORMER, 0, "training/gap")[1]
    assert found[-1] < found[0]


def test_a_text_and_its_saved_matrix_are_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "pages.txt"
    file.write_text(pages(20_000), encoding="utf-8")
    own = Text(max_tokens=4000, contexts=25)
    matrix = text.read_matrix(str(file), own)
    assert len(matrix) == 25
    assert matrix.vocabulary == len(matrix.types)
    whole = text_contexts(file, TextSettings(context=4, tokenizer="bpe", vocabulary=300, max_tokens=4000))
    save_contexts(whole, tmp_path / "saved")
    again = text.read_matrix(str(tmp_path / "saved"), own)
    assert torch.equal(again.counts, matrix.counts)
    with pytest.raises(InputError, match="no such text"):
        text.read_matrix(str(tmp_path / "page.txt"), own)


def test_a_text_that_asks_for_no_margin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("aa " * 500)
    save_contexts(text_contexts(tmp_path / "one.txt", TextSettings(context=1)), tmp_path / "saved")
    with pytest.raises(InputError, match=r"1 next-token type\(s\) follows each of the 1 context"):
        text.read_matrix(str(tmp_path / "saved"), Text())


def test_an_empty_text_is_found_before_the_run_begins(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError, match="the text is empty"):
        study.text(SMOKE.model_copy(update={"text": str(tmp_path / "empty.txt")}), [0])
