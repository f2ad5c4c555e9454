from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from torch import Tensor

from geomem.geometry.lens import LogitLens, kl_divergence, lens_scalars, overlap_chance, own_output, top_overlap
from tests.geometry.samples import normal


def test_direction_of_the_divergence_is_layer_first() -> None:
    # Layer: a fair coin. Final: 9 to 1. KL(layer || final) and its reverse differ.
    layer, final = torch.tensor([[0.5, 0.5]]).double(), torch.tensor([[0.9, 0.1]]).double()
    found = float(kl_divergence(layer.log(), final.log()))
    assert found == pytest.approx(0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1))
    assert found == pytest.approx(float(rel_entr([0.5, 0.5], [0.9, 0.1]).sum()))
    assert found != pytest.approx(float(rel_entr([0.9, 0.1], [0.5, 0.5]).sum()), abs=0.1)


def test_overlap_counts_shared_top_five() -> None:
    final = torch.arange(10.0)[None]
    layer = torch.tensor([[9.0, 8, 0, 0, 1, 1, 2, 0, 7, 9]])
    assert float(top_overlap(layer, final)) == pytest.approx(3 / 5)  # 6, 8 and 9
    assert float(top_overlap(final[:, :3], -final[:, :3])) == 1
    assert overlap_chance(3) == 1
    # The chance level, on random logits.
    found = top_overlap(normal(4000, 40), normal(4000, 40, seed=1))
    assert float(found.mean()) == pytest.approx(overlap_chance(40), abs=0.005)


def example(seed: int = 0) -> tuple[list[Tensor], Tensor, Tensor]:
    """Four streams (3, 6, 5), an unembedding (5, 11), labels."""
    streams = list(normal(4, 3, 6, 5, seed=seed))
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 11, (3, 6)))
    return streams, normal(5, 11, seed=seed + 1), labels


def test_every_number_against_loops() -> None:
    streams, head, labels = example()
    found = lens_scalars(streams, lambda rows: rows @ head, labels, entries=40)
    for layer, stream in enumerate(streams):
        for b in range(3):
            for t in range(6):
                here, last = ((x[b, t] @ head).numpy() for x in (stream, streams[-1]))
                p, q = (np.exp(x) / np.exp(x).sum() for x in (here, last))
                assert float(found["kl"][layer, b, t]) == pytest.approx(rel_entr(p, q).sum(), abs=1e-12)
                shared = set(np.argsort(-here)[:5]) & set(np.argsort(-last)[:5])
                assert float(found["overlap"][layer, b, t]) == pytest.approx(len(shared) / 5)
                assert float(found["loss"][layer, b, t]) == pytest.approx(-np.log(p[labels[b, t]]))
    assert float(found["kl"][-1].abs().max()) == 0
    assert float(found["overlap"][-1].min()) == 1


@pytest.mark.parametrize(("entries", "rows"), [(1, 1), (44, 4), (10_000, 18)])
def test_no_matrix_of_logits_is_larger_than_stated_and_chunks_do_not_matter(entries: int, rows: int) -> None:
    streams, head, labels = example()
    seen: list[int] = []

    def logits_of(part: Tensor) -> Tensor:
        seen.append(len(part))
        return part @ head

    found = lens_scalars(streams, logits_of, labels, entries=entries)
    assert max(seen) == rows
    whole = lens_scalars(streams, lambda part: part @ head, labels)
    assert all(torch.allclose(found[name], whole[name]) for name in whole)


def test_without_labels_there_is_no_loss_and_no_gradient_is_kept() -> None:
    streams = example()[0]
    found = lens_scalars(streams, torch.nn.Linear(5, 11, dtype=torch.float64))
    assert set(found) == {"kl", "overlap"}
    assert not found["kl"].requires_grad
    # The output of `logits_of` is not written to, so that it may be the stream itself.
    before = streams[0].clone()
    lens_scalars(streams, lambda rows: rows)
    assert torch.equal(streams[0], before)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(-50, 50))
def test_a_constant_added_to_the_logits_changes_nothing(seed: int, shift: float) -> None:
    streams, head, labels = example(seed)
    one = lens_scalars(streams, lambda rows: rows @ head, labels)
    two = lens_scalars(streams, lambda rows: rows @ head + shift, labels)
    assert all(torch.allclose(one[name], two[name], atol=1e-9) for name in one)
    assert float(one["kl"].min()) >= 0


def test_streaming_equals_exact_and_merges() -> None:
    streams, head, labels = example()
    exact = lens_scalars(streams, lambda rows: rows @ head, labels)
    shards = [LogitLens(4), LogitLens(4)]
    for place, windows in enumerate((slice(0, 1), slice(1, 3))):
        part = [stream[windows].float() for stream in streams]
        shards[place].update(lens_scalars(part, lambda rows: rows @ head.float(), labels[windows]))
    shards[0].merge_state(shards[1])
    for name, found in shards[0].compute().items():
        assert torch.allclose(found.value, exact[name].mean((1, 2)), rtol=1e-5, atol=1e-7)
        assert bool((found.low <= found.value).all())


def test_a_model_s_own_loss_and_choice_do_not_depend_on_the_chunks() -> None:
    table = torch.randn(11, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    stream = torch.randn(23, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(23) % 11
    logits = stream @ table.T
    loss, choice = own_output(stream, lambda rows: rows @ table.T, labels, entries=40)
    wanted = torch.logsumexp(logits, 1) - logits[torch.arange(23), labels]
    torch.testing.assert_close(loss, wanted, rtol=1e-12, atol=1e-12)
    assert torch.equal(choice, logits.argmax(1))
