from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geomem.batch import IGNORE, Batch, ContextMatrix, labelled_columns, random_places

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


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[IGNORE, IGNORE, 3], [IGNORE, IGNORE, 4]], 1),
        ([[IGNORE, 1, 3], [IGNORE, IGNORE, 4]], 2),
        ([[IGNORE, 1, IGNORE], [IGNORE, IGNORE, IGNORE]], [1]),
        ([[7, IGNORE, IGNORE, 2], [IGNORE, 5, IGNORE, IGNORE]], [1, 3]),
    ],
)
def test_labelled_columns(labels: list[list[int]], expected: int | list[int]):
    found = labelled_columns(torch.tensor(labels))
    assert (found.tolist() if isinstance(found, torch.Tensor) else found) == expected


def test_labels_that_never_count_are_refused():
    with pytest.raises(ValueError, match="no column"):
        labelled_columns(torch.tensor([[3, IGNORE]]))


def test_moving_a_batch_moves_every_part():
    tokens = torch.tensor([[1, 2, 3]])
    batch = Batch(tokens, tokens, torch.ones(1, 3), columns=torch.tensor([1]), filler=8).to("meta")
    assert {batch.tokens.device.type, batch.labels.device.type, batch.columns.device.type} == {"meta"}  # type: ignore[union-attr]
    assert batch.weights is not None
    assert batch.weights.device.type == "meta"
    assert batch.filler == 8
    assert matrix_of([(0, 1)]).full().to("meta").probs.device.type == "meta"
    assert matrix_of([(0, 1)]).to("meta").indptr.device.type == "meta"


def test_random_places_are_allowed_and_as_many_as_asked():
    generator = torch.Generator().manual_seed(0)
    allowed = torch.rand(50, 9, generator=generator) < 0.6
    counts = (allowed.sum(1) * torch.rand(50, generator=generator)).long()
    chosen = random_places(allowed, counts, generator)
    assert torch.equal(chosen.sum(1), counts)
    assert not (chosen & ~allowed).any()
    again = random_places(allowed, counts, torch.Generator().manual_seed(3))
    assert torch.equal(again, random_places(allowed, counts, torch.Generator().manual_seed(3)))


def test_every_choice_of_places_is_equally_likely():
    allowed = torch.tensor([True, False, True, True, True]).expand(6000, -1)
    chosen = random_places(allowed, torch.full((6000,), 2), torch.Generator().manual_seed(0))
    pairs = Counter(tuple(row.nonzero().flatten().tolist()) for row in chosen)
    assert len(pairs) == 6
    # Six pairs, 1000 each: five standard deviations are 144.
    assert all(abs(count - 1000) < 144 for count in pairs.values())
