from __future__ import annotations

import torch

from geomem.geometry.subspace_collapse import support_groups
from geomem.studies.implicit_geometry_ntp.corpus import CONTEXTS, LENGTH, NEXT, corpus


def test_the_shape_of_the_papers_set() -> None:
    data = corpus(0)
    assert data.tokens.shape == (16, LENGTH)
    assert torch.equal(data.problem.support.sum(0), torch.full((16,), 3))
    assert 48 <= float(data.counts.sum()) <= 96
    assert set(data.counts.flatten().tolist()) == {0.0, 1.0, 2.0}
    assert len(NEXT) == len(CONTEXTS) == len(torch.unique(support_groups(data.problem.support))) == 8
    assert len(torch.unique(data.tokens, dim=0)) == 16
    assert len(set(data.vocabulary)) == len(data.vocabulary)


def test_tokens_and_rows_stand_for_the_words() -> None:
    data = corpus(3)
    assert [" ".join(data.vocabulary[token] for token in row) for row in data.tokens.tolist()] == list(data.labels)
    rows = data.problem.support[:, 2].nonzero().flatten().tolist()
    assert {data.next_words[row] for row in rows} == set(NEXT[1])


def test_the_seed_draws_how_often() -> None:
    assert torch.equal(corpus(1).counts, corpus(1).counts)
    assert not torch.equal(corpus(1).counts, corpus(2).counts)
    assert torch.equal(corpus(1).problem.support, corpus(2).problem.support)
