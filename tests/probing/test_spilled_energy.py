from __future__ import annotations

import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from geomem.errors import InputError
from geomem.models.adapters import adapt
from geomem.models.adapters.adapter import Adapter
from geomem.probing.spilled_energy import score_answers
from tests.texts.samples import small_bpe

PAIRS = [("The sea", " was calm and grey."), ("1 + 2 = ", "3"), ("Once upon a", " time"), ("The sea", " ate it.")]


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=0, eos_token_id=0)
    return adapt(GPT2LMHeadModel(config).eval())


def test_every_number_is_that_of_the_pair_alone(adapter: Adapter) -> None:
    """Against the formulas of the card, one pair and one token at a time."""
    tokenizer = small_bpe()
    scored = score_answers(adapter, tokenizer, PAIRS)
    for (prompt, answer), found in zip(PAIRS, scored, strict=True):
        asked, said = (tokenizer(part, add_special_tokens=False)["input_ids"] for part in (prompt, answer))
        with torch.no_grad():
            f = adapter.model(torch.tensor([asked + said])).logits[0].double()  # type: ignore[operator]
        assert found.tokens.tolist() == said
        for place, token in enumerate(said):
            before, after = f[len(asked) + place - 1], f[len(asked) + place]
            raw = math.log(sum(map(math.exp, after.tolist()))) - float(before[token])
            centred = raw - float(after.mean()) + float(before.mean())
            assert float(found.scores["spill_raw"][place]) == pytest.approx(raw, abs=1e-5)
            assert float(found.scores["spill_centred"][place]) == pytest.approx(centred, abs=1e-5)
            assert float(found.scores["marginal_raw"][place]) == pytest.approx(-float(after.logsumexp(0)), abs=1e-5)
            expected = float(before.logsumexp(0) - before[token])
            assert float(found.scores["surprise"][place]) == pytest.approx(expected, abs=1e-5)
        assert found.pooled("surprise", "sum") == pytest.approx(float(found.scores["surprise"].sum()))
        assert found.pooled("spill_raw", "min") == float(found.scores["spill_raw"].min())


def test_the_company_of_other_pairs_changes_nothing(adapter: Adapter) -> None:
    together = score_answers(adapter, small_bpe(), PAIRS)
    for pair, found in zip(PAIRS, together, strict=True):
        (alone,) = score_answers(adapter, small_bpe(), [pair])
        for name, values in alone.scores.items():
            torch.testing.assert_close(values, found.scores[name], rtol=1e-5, atol=1e-5)


def test_progress_counts_pairs_and_beta_is_an_inverse_temperature(adapter: Adapter) -> None:
    seen: list[tuple[int, int]] = []
    score_answers(adapter, small_bpe(), PAIRS, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    cold, warm = (score_answers(adapter, small_bpe(), PAIRS[1:2], beta=beta)[0] for beta in (1.0, 1e-6))
    assert float(warm.scores["spill_raw"][0]) == pytest.approx(math.log(300), abs=1e-3)  # all tokens count alike
    torch.testing.assert_close(cold.scores["surprise"], warm.scores["surprise"])


def test_bad_input_is_one_line(adapter: Adapter) -> None:
    for pairs, words in (
        ([("a", "")], "pair 0: the answer has no token"),
        ([("a", "b"), ("", "b")], "pair 1: the prompt has no token"),
        ([("a", "sea " * 40)], "more than the model's context of 32"),
    ):
        with pytest.raises(InputError, match=words):
            score_answers(adapter, small_bpe(), pairs)
    torch.manual_seed(0)
    small = adapt(GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=8, n_layer=1, n_head=1, n_positions=32)).eval())
    with pytest.raises(InputError, match="outside the model's vocabulary"):
        score_answers(small, small_bpe(), PAIRS)
