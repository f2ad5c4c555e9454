"""LinGen on a generator whose logits are exactly low-rank, and on language models."""

from __future__ import annotations

import pytest
import torch

from geomem.geometry.isan import InputSwitchedAffine
from geomem.models.adapters import adapt
from geomem.probing.lingen.follow import follow, greedy, sampling
from geomem.probing.lingen.lingen import LINGEN, SINGLE, TRUNCATED, UNIGRAM, LinGen
from geomem.probing.lingen.predictors import frequencies
from geomem.probing.logits.language import LanguageModel
from geomem.probing.logits.source import MachineSource
from tests.models.adapters.checkpoints import VOCAB, build


def exact(ridge: float = 0.0) -> tuple[LinGen, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    source = MachineSource(InputSwitchedAffine.draw(4, 8, generator))
    histories = torch.randint(4, (40, 5), generator=generator)
    futures = [torch.randint(4, (size % 5,), generator=generator) for size in range(40)]
    return LinGen.prepare(source, histories[:-1], futures, ridge=ridge), histories[-1]


def test_exact_where_logits_are_of_low_rank_and_only_with_futures() -> None:
    lingen, target = exact()
    assert lingen.weights(target).residual < 1e-10
    totals = {}
    for name, predictor in lingen.predictors(target).items():
        choose = sampling(torch.Generator().manual_seed(1))
        totals[name] = follow(predictor, lingen.model(target), 8, choose).total
    assert totals[LINGEN] < 1e-10
    assert totals[SINGLE] > 0.1
    assert UNIGRAM not in totals  # no frequencies were given


def test_the_first_step_of_the_single_token_variant_is_right() -> None:
    lingen, target = exact()
    course = follow(lingen.predictors(target)[SINGLE], lingen.model(target), 3, greedy)
    assert course.divergences[0] < 1e-12
    assert course.divergences[1:].max() > 1e-3


def test_the_model_itself_is_never_wrong_and_readings_are_not_used_up() -> None:
    lingen, target = exact()
    first = follow(lingen.model(target), lingen.model(target), 6, greedy)
    assert first.total == 0
    again = [follow(lingen.predictors(target)[LINGEN], lingen.model(target), 6, greedy) for _ in range(2)]
    assert torch.equal(again[0].tokens, again[1].tokens)
    assert torch.equal(again[0].tokens, first.tokens)


@pytest.mark.parametrize("name", ["llama", "gemma2-sliding", "opt", "geomem-mamba"])
def test_a_history_that_is_the_target_is_found(name: str) -> None:
    """With the target among the histories, ridge aside, LinGen is the model; else it is not."""
    source = LanguageModel(adapt(build(name)))
    histories = torch.randint(1, VOCAB, (6, 8), generator=torch.Generator().manual_seed(0))
    futures = [torch.empty(0, dtype=torch.int64), torch.tensor([3]), torch.tensor([5, 9])]
    known = frequencies(histories.flatten(), VOCAB)
    lingen = LinGen.prepare(source, histories, futures, tokens=20, ridge=1e-9, unigram=known)
    own = follow(lingen.predictors(histories[2])[LINGEN], lingen.model(histories[2]), 4, greedy)
    assert own.total < 1e-6
    other = torch.randint(1, VOCAB, (8,), generator=torch.Generator().manual_seed(5))
    found = {key: follow(one, lingen.model(other), 4, greedy) for key, one in lingen.predictors(other).items()}
    assert set(found) == {LINGEN, SINGLE, TRUNCATED, UNIGRAM}
    assert found[LINGEN].total > own.total


def test_combined_rows_are_the_weighted_sum() -> None:
    for name in ("opt", "codegen", "gemma2-sliding", "cohere"):  # codegen has a bias, gemma2 a cap, cohere a scale
        source = LanguageModel(adapt(build(name)))
        reading = source.begin(torch.randint(1, VOCAB, (5, 6), generator=torch.Generator().manual_seed(0)))
        weights = torch.tensor([0.5, -2.0, 1.0, 0.0, 3.0], dtype=torch.float64)
        expected = weights @ reading.logits().double()
        torch.testing.assert_close(reading.combined(weights), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [2, 4, 6, 9])
def test_the_truncated_baseline_sees_the_start_once_and_the_last_five(length: int) -> None:
    source = LanguageModel(adapt(build("gpt2")))
    tokens = torch.randint(1, VOCAB, (5, length), generator=torch.Generator().manual_seed(4))
    lingen = LinGen.prepare(source, tokens[1:], [tokens[0, :0], tokens[0, :1]], start=1)
    found = lingen.predictors(tokens[0])[TRUNCATED].log_probabilities()
    seen = [int(tokens[0, 0]), *tokens[0, 1:].tolist()[-5:]]
    with torch.no_grad():
        expected = source.model(input_ids=torch.tensor([seen])).logits[0, -1].double().log_softmax(-1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
