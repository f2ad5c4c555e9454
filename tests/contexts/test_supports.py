from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.contexts import supports
from geomem.contexts.matrix import ContextMatrix
from geomem.contexts.supports import centred_support, centred_svd, overlaps, support_patterns
from geomem.errors import InputError


def of_supports(S: Tensor) -> ContextMatrix:
    P = S.double() / S.sum(0)
    return ContextMatrix.from_dense(P, torch.full((S.shape[1],), 1 / S.shape[1], dtype=torch.float64))


def random_supports(seed: int, V: int, m: int, patterns: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    distinct = torch.rand(V, patterns, generator=generator) < 0.4
    distinct[torch.randint(0, V, (patterns,), generator=generator), torch.arange(patterns)] = True
    return distinct[:, torch.randint(0, patterns, (m,), generator=generator)]


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(1, 8), st.integers(1, 40), st.integers(1, 9))
def test_patterns_are_the_distinct_columns(seed: int, V: int, m: int, patterns: int):
    S = random_supports(seed, V, m, patterns)
    found = support_patterns(of_supports(S))
    columns = [tuple(column) for column in S.T.tolist()]
    distinct = list(dict.fromkeys(columns))
    assert [tuple(column) for column in found.dense().T.tolist()] == distinct
    assert found.multiplicity.tolist() == [columns.count(column) for column in distinct]
    assert found.pattern.tolist() == [distinct.index(column) for column in columns]
    assert torch.equal(found.dense()[:, found.pattern], S)
    assert np.array_equal(found.sparse().toarray(), found.dense().numpy())


def test_contexts_that_only_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    S = random_supports(0, 7, 300, 60)
    right = support_patterns(of_supports(S))

    def colliding(indices, indptr, salt):
        # Every hash is equal at first, later ones have one bit.
        honest = supports_hashes(indices, indptr, salt)
        return honest * np.uint64(0) if salt == 0 else honest & np.uint64(1)

    supports_hashes = supports._hashes
    monkeypatch.setattr(supports, "_hashes", colliding)
    again = support_patterns(of_supports(S))
    for name in ("indptr", "indices", "multiplicity", "pattern"):
        assert torch.equal(getattr(again, name), getattr(right, name))


@given(st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_overlaps_are_the_gram_of_the_supports(seed: int):
    found = support_patterns(of_supports(random_supports(seed, 9, 30, 12)))
    dense = found.dense().long()
    assert torch.equal(overlaps(found), dense.T @ dense)


def test_too_many_overlaps_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(supports, "LARGEST_GRAM", 3)
    with pytest.raises(InputError, match="too many to compare"):
        overlaps(support_patterns(of_supports(torch.eye(4, dtype=torch.bool))))


def full_centred(S: Tensor) -> Tensor:
    V = S.shape[0]
    return (torch.eye(V, dtype=torch.float64) - 1 / V) @ S.double()


@pytest.mark.parametrize("exact", [True, False])
def test_the_svd_is_that_of_the_dense_centred_support_of_all_contexts(exact: bool, monkeypatch: pytest.MonkeyPatch):
    S = random_supports(3, 30, 200, 50)
    patterns = support_patterns(of_supports(S))
    if not exact:
        monkeypatch.setattr(supports, "EXACT_ENTRIES", 0)
    found = centred_svd(patterns, 6)
    _, values, _ = np.linalg.svd(full_centred(S).numpy())
    np.testing.assert_allclose(found.values.numpy(), values[:6], rtol=1e-10)
    right = found.contexts(patterns)
    torch.testing.assert_close(right.T @ right, torch.eye(6, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(full_centred(S) @ right, found.words * found.values, atol=1e-9, rtol=0)
    assert found.exact == exact
    assert found.nuclear_norm is None if not exact else found.nuclear_norm == pytest.approx(values.sum())
    assert torch.equal(centred_svd(patterns, 6).values, found.values)


@pytest.mark.parametrize(("V", "k"), [(4, 2), (5, 2), (6, 3), (4, 1)])
def test_all_subsets_have_one_singular_value(V: int, k: int):
    """arXiv 2408.15417: all V - 1 singular values are sqrt(C(V - 2, k - 1))."""
    subsets = list(itertools.combinations(range(V), k))
    S = torch.zeros(V, len(subsets), dtype=torch.bool)
    for column, subset in enumerate(subsets):
        S[list(subset), column] = True
    found = centred_svd(support_patterns(of_supports(S)), V)
    expected = [math.sqrt(math.comb(V - 2, k - 1))] * (V - 1) + [0.0]
    torch.testing.assert_close(found.values.tolist(), expected, atol=1e-7, rtol=1e-9)
    assert found.nuclear_norm == pytest.approx((V - 1) * math.sqrt(math.comb(V - 2, k - 1)))


def test_a_full_support_is_centred_to_nothing():
    patterns = support_patterns(of_supports(torch.ones(5, 3, dtype=torch.bool)))
    assert len(patterns) == 1
    assert centred_support(patterns).abs().max() == 0
    with pytest.raises(InputError, match="at least 1, got 0"):
        centred_svd(patterns, 0)


def test_a_hundred_thousand_contexts_take_a_moment():
    generator = torch.Generator().manual_seed(0)
    contexts, targets = (
        torch.randint(0, 100_000, (400_000,), generator=generator),
        torch.randint(0, 300, (400_000,), generator=generator),
    )
    matrix = ContextMatrix.from_pairs(contexts[:, None], targets)
    found = support_patterns(matrix)
    order = torch.randint(0, len(matrix), (200,), generator=generator)
    for context in order.tolist():
        pattern = int(found.pattern[context])
        held = found.indices[found.indptr[pattern] : found.indptr[pattern + 1]]
        assert torch.equal(held, matrix.indices[matrix.indptr[context] : matrix.indptr[context + 1]])
    assert int(found.multiplicity.sum()) == len(matrix)
