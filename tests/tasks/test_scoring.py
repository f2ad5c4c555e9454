from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geomem.decoding.evaluating import evaluating
from geomem.decoding.reader import OneShot
from geomem.tasks import scoring
from geomem.tasks.scoring import predict, rows_per_chunk
from tests.causal import Bag, Rule

VOCABULARY = 12
PREFIXES = torch.tensor([[10, 1], [10, 2], [10, 3], [10, 4]])
TARGETS = torch.tensor([[2, 3, 4], [3, 4, 5], [4, 5, 6], [5, 6, 7]])


def successor(tokens: Tensor) -> Tensor:
    return (tokens[:, -1] + 1) % VOCABULARY


def stumbling(tokens: Tensor) -> Tensor:
    """Successor, but after [10, 2] say 7, and after [10, 3, 4] say 0."""
    found = successor(tokens)
    found[(tokens[:, -1] == 2) & (tokens.shape[1] == 2)] = 7
    if tokens.shape[1] == 3:
        found[tokens[:, -1] == 4] = 0
    return found


def greedy(model: torch.nn.Module, prefixes: Tensor, steps: int) -> Tensor:
    tokens = prefixes
    for _ in range(steps):
        logits = model(input_ids=tokens).logits[:, -1]
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], dim=1)
    return tokens[:, prefixes.shape[1] :]


def test_a_perfect_model_needs_one_pass():
    model = Rule(VOCABULARY, successor)
    found = predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=0)
    assert torch.equal(found.free, TARGETS)
    assert torch.equal(found.forced, TARGETS)
    assert found.ranks.tolist() == [0, 0, 0, 0]
    assert model.rows == [4]
    assert found.restricted is None


def test_only_rows_with_a_mistake_are_decoded_on():
    model = Rule(VOCABULARY, stumbling)
    found = predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=1)
    assert found.forced.tolist() == [[2, 3, 4], [7, 4, 5], [4, 0, 6], [5, 6, 7]]
    assert found.free.tolist() == [[2, 3, 4], [7, 8, 9], [4, 0, 1], [5, 6, 7]]
    # One pass over all; then row 1 for columns 1 and 2, and row 2 for column 2.
    assert model.rows == [4, 1, 1, 1]


def test_a_row_that_finds_back_by_luck_is_still_free_running():
    """After the wrong 7 comes the right 4, and then, because of the 7, the wrong 0."""

    def remembering(tokens: Tensor) -> Tensor:
        found = successor(tokens)
        found[(tokens == 2).any(1) & (tokens.shape[1] == 2)] = 7
        found[tokens[:, -1] == 7] = 4
        found[(tokens == 7).any(1) & (tokens[:, -1] == 4)] = 0
        return found

    found = predict(Rule(VOCABULARY, remembering), PREFIXES[1:2], TARGETS[1:2], vocabulary=VOCABULARY, decision=0)
    assert found.forced.tolist() == [[7, 4, 5]]
    assert found.free.tolist() == [[7, 4, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_free_running_equals_plain_greedy_decoding(seed: int):
    model = Bag(VOCABULARY, seed=seed)
    targets = torch.randint(0, VOCABULARY, (4, 3), generator=torch.Generator().manual_seed(seed))
    targets[0] = greedy(model, PREFIXES, 3)[0]
    found = predict(model, PREFIXES, targets, vocabulary=VOCABULARY, decision=2)
    assert torch.equal(found.free, greedy(model, PREFIXES, 3))
    logits = model(input_ids=torch.cat([PREFIXES, targets], 1)).logits[:, 1:-1]
    assert torch.equal(found.forced, logits.argmax(-1))
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    assert torch.allclose(found.losses, losses, atol=1e-5)
    place = logits[:, 2].argsort(dim=-1, descending=True) == targets[:, 2:]
    assert found.ranks.tolist() == place.int().argmax(-1).tolist()


def test_restricted_answers_come_from_the_candidates():
    model = Bag(VOCABULARY)
    candidates = torch.tensor([1, 5, 8])
    found = predict(model, PREFIXES, TARGETS[:, :1], vocabulary=VOCABULARY, decision=0, candidates=candidates)
    logits = model(input_ids=PREFIXES).logits[:, -1].detach()
    expected = [max((1, 5, 8), key=lambda token: float(row[token])) for row in logits]
    assert found.restricted is not None
    assert found.restricted.tolist() == expected


def test_one_shot_decoding_shows_no_target():
    model = Bag(VOCABULARY)
    found = predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=0, reader=OneShot(11))
    other = predict(model, PREFIXES, TARGETS.flip(1), vocabulary=VOCABULARY, decision=0, reader=OneShot(11))
    hidden = torch.cat([PREFIXES, torch.full((4, 2), 11)], dim=1)
    assert torch.equal(found.free, model(input_ids=hidden).logits[:, 1:].argmax(-1))
    assert torch.equal(found.free, found.forced)
    assert torch.equal(found.free, other.free)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    model = Bag(VOCABULARY)
    whole = predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=1, candidates=torch.arange(4))
    monkeypatch.setattr(scoring, "LOGITS_IN_MEMORY", 3 * VOCABULARY)
    assert rows_per_chunk(3, VOCABULARY) == 1
    parts = predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=1, candidates=torch.arange(4))
    for name in ("forced", "free", "ranks", "restricted"):
        assert torch.equal(getattr(whole, name), getattr(parts, name))
    assert torch.allclose(whole.losses, parts.losses)


def test_a_chunk_never_holds_more_logits_than_allowed():
    for columns, vocabulary in [(1, 760), (10, 90_010), (1, 10**9)]:
        rows = rows_per_chunk(columns, vocabulary)
        assert rows >= 1
        assert rows == 1 or rows * columns * vocabulary <= scoring.LOGITS_IN_MEMORY


@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_mode_back(training: bool):
    model = Rule(VOCABULARY, successor).train(training)
    model.inside.train(not training)
    predict(model, PREFIXES, TARGETS, vocabulary=VOCABULARY, decision=0)
    assert model.modes == [False]
    assert (model.training, model.inside.training) == (training, not training)
    with pytest.raises(RuntimeError, match="on purpose"), evaluating(model):
        raise RuntimeError("on purpose")
    assert (model.training, model.inside.training) == (training, not training)
    assert torch.is_grad_enabled()
