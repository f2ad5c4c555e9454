from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.errors import InputError

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)


def matrix_of(pairs: list[tuple[int, int]]) -> ContextMatrix:
    data = torch.tensor(pairs)
    return ContextMatrix.from_pairs(torch.stack([torch.full((len(data),), 99), data[:, 0]], 1), data[:, 1])


@given(PAIRS)
def test_contexts_count_the_examples(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    sources, joint = Counter(u for u, _ in pairs), Counter(pairs)
    assert matrix.contexts.tolist() == [[99, u] for u in sorted(sources)]
    assert matrix.weights.tolist() == pytest.approx([sources[u] / len(pairs) for u in sorted(sources)])
    seen = {
        (int(matrix.contexts[row, 1]), int(target)): float(prob)
        for row, target, prob in zip(matrix.rows, matrix.indices, matrix.probs, strict=True)
    }
    assert seen == pytest.approx({(u, v): count / sources[u] for (u, v), count in joint.items()})
    assert matrix.nnz == len(joint)


@given(PAIRS, st.randoms())
def test_a_batch_is_the_chosen_rows(pairs: list[tuple[int, int]], random):
    matrix = matrix_of(pairs)
    index = torch.tensor([random.randrange(len(matrix)) for _ in range(5)])
    batch = matrix.batch(index)
    for row, context in enumerate(index.tolist()):
        low, high = int(matrix.indptr[context]), int(matrix.indptr[context + 1])
        assert batch.targets[batch.rows == row].tolist() == matrix.indices[low:high].tolist()
        assert batch.probs[batch.rows == row].tolist() == matrix.probs[low:high].tolist()
    assert batch.tokens.tolist() == matrix.contexts[index].tolist()
    assert batch.weights.tolist() == matrix.weights[index].tolist()


@given(PAIRS)
def test_the_full_batch_equals_slicing_everything(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    whole, sliced = matrix.full(), matrix.batch(torch.arange(len(matrix)))
    for name in ("tokens", "weights", "rows", "targets", "probs"):
        assert torch.equal(getattr(whole, name), getattr(sliced, name))
    assert whole.examples == len(matrix)


def test_entropy_of_a_star_in_both_directions():
    # d arms of one edge: d of 2d examples start at the root with log d nats, the rest are certain.
    edges = [(0, leaf) for leaf in range(1, 6)] + [(leaf, 0) for leaf in range(1, 6)]
    assert float(matrix_of(edges).entropy()) == pytest.approx(0.5 * torch.tensor(5.0).log().item())


@given(PAIRS)
def test_training_sees_the_same_bits_as_counts_divided_by_hand(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    per_context = Counter(u for u, _ in pairs)
    weights = np.array([per_context[u] / len(pairs) for u in sorted(per_context)]).astype(np.float32)
    assert matrix.weights.numpy().tobytes() == weights.tobytes()
    probs = [count / per_context[u] for (u, _), count in sorted(Counter(pairs).items())]
    assert matrix.probs.numpy().tobytes() == np.array(probs).astype(np.float32).tobytes()
    assert (matrix.counts.dtype, matrix.samples) == (torch.float64, len(pairs))


@given(PAIRS)
def test_columns_of_the_dense_matrix_are_contexts(pairs: list[tuple[int, int]]):
    matrix = matrix_of(pairs)
    counted = np.zeros((matrix.vocabulary, len(matrix)))
    place = {u: column for column, u in enumerate(sorted({u for u, _ in pairs}))}
    for u, v in pairs:
        counted[v, place[u]] += 1
    np.testing.assert_allclose(matrix.dense().numpy(), counted / counted.sum(0), rtol=1e-15)
    np.testing.assert_array_equal(matrix.support().numpy(), counted > 0)
    np.testing.assert_allclose(matrix.shares().numpy(), counted.sum(0) / len(pairs), rtol=1e-15)
    np.testing.assert_array_equal(matrix.support_sizes.numpy(), (counted > 0).sum(0))
    np.testing.assert_array_equal(matrix.types.numpy(), np.flatnonzero(counted.sum(1)))
    np.testing.assert_array_equal(matrix.compact().support().numpy(), (counted > 0)[counted.sum(1) > 0])


def _distributions(seed: int, V: int, m: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    P = torch.rand(V, m, dtype=torch.float64, generator=generator)
    P[torch.rand(V, m, generator=generator) < 0.5] = 0
    P[0] += 0.1
    pi = torch.rand(m, dtype=torch.float64, generator=generator) + 0.1
    return P / P.sum(0), pi / pi.sum()


@settings(deadline=None)  # the first call loads what torch does lazily
@given(st.integers(0, 99), st.integers(2, 9), st.integers(1, 9))
def test_a_dense_matrix_comes_back(seed: int, V: int, m: int):
    P, pi = _distributions(seed, V, m)
    matrix = ContextMatrix.from_dense(P, pi)
    torch.testing.assert_close(matrix.dense(), P, rtol=1e-13, atol=0)
    torch.testing.assert_close(matrix.shares(), pi, rtol=1e-13, atol=0)
    assert torch.equal(matrix.support(), P > 0)
    assert matrix.contexts.tolist() == [[j] for j in range(m)]
    entropy = -(pi * torch.special.xlogy(P, P).sum(0)).sum()
    assert float(matrix.entropy()) == pytest.approx(float(entropy), rel=1e-6)


def test_contexts_can_be_named_and_say_whether_they_are_padded():
    P, pi = _distributions(0, 4, 2)
    names = torch.tensor([[PAD, 7], [3, 7]])
    matrix = ContextMatrix.from_dense(P, pi, names)
    assert (matrix.contexts.tolist(), matrix.length, matrix.padded) == (names.tolist(), 2, True)
    assert not ContextMatrix.from_dense(P, pi).padded


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda P, pi: (P, pi[:-1]), "must be"),
        (lambda P, pi: (P[:, :0], pi[:0]), "at least 1"),
        (lambda P, pi: (-P, pi), "distribution"),
        (lambda P, pi: (2 * P, pi), "sum 1"),
        (lambda P, pi: (P, pi * torch.tensor([0.0, 1.0, 1.0])), "positive"),
        (lambda P, pi: (P, 2 * pi), "sum to 1"),
        (lambda P, pi: (P, pi, torch.zeros(2, 1)), "one row for each"),
    ],
)
def test_what_is_no_distribution_is_refused(change, said: str):
    with pytest.raises(InputError, match=said):
        ContextMatrix.from_dense(*change(*_distributions(0, 4, 3)))


def test_bad_pairs_are_refused():
    contexts = torch.zeros(2, 1, dtype=torch.int64)
    with pytest.raises(InputError, match="no sample"):
        ContextMatrix.from_pairs(contexts[:0], contexts[:0, 0])
    with pytest.raises(InputError, match="next token 5 is outside the vocabulary of 5"):
        ContextMatrix.from_pairs(contexts, torch.tensor([5, 0]), 5)
    with pytest.raises(InputError, match="next token -100"):
        ContextMatrix.from_pairs(contexts, torch.tensor([5, -100]))


def test_a_dense_matrix_beyond_memory_is_refused():
    matrix = ContextMatrix.from_pairs(torch.arange(2)[:, None], torch.tensor([0, 1]), 1 << 40)
    for dense in (matrix.dense, matrix.support):
        with pytest.raises(InputError, match="keep fewer contexts"):
            dense()


def test_a_matrix_moves_with_what_training_reads():
    matrix = matrix_of([(0, 1), (0, 2), (0, 2), (1, 3)])
    moved = matrix.to("cpu")
    assert moved.weights.tolist() == matrix.weights.tolist()
    assert moved.probs.tolist() == matrix.probs.tolist()
    assert matrix.to("meta").indptr.device.type == "meta"
    assert matrix.to("meta").full().probs.device.type == "meta"
