from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

from geomem.decoding.generate import distinct_rows, generate
from geomem.decoding.sampling import Sampling
from geomem.errors import InputError
from geomem.models.configs import GeomemMambaConfig, GeomemTransformerConfig
from geomem.models.mamba import GeomemMambaForCausalLM
from geomem.models.transformer import GeomemTransformerForCausalLM
from tests.causal import Bag, Rule

VOCABULARY = 11


def transformer(positions: str, **changes: Any) -> nn.Module:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 24}
    config = GeomemTransformerConfig(vocab_size=VOCABULARY, positions=positions, **{**sizes, **changes})
    return GeomemTransformerForCausalLM(config)


def gpt2() -> nn.Module:
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=24, n_embd=16, n_layer=2, n_head=2,
                                      bos_token_id=None, eos_token_id=None))  # fmt: skip


def llama() -> nn.Module:
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24,
                                        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                                        max_position_embeddings=24, bos_token_id=None,
                                        eos_token_id=None))  # fmt: skip


MODELS = {
    "learned": lambda: transformer("learned"),
    "rotary": lambda: transformer("rotary"),
    "sinusoidal": lambda: transformer("sinusoidal"),
    "without-layers": lambda: transformer("learned", num_hidden_layers=0),
    "without-attention": lambda: transformer("learned", use_attention=False),
    "mamba": lambda: GeomemMambaForCausalLM(
        GeomemMambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2)
    ),
    "hf-gpt2": gpt2,
    "hf-llama": llama,
    "hf-mamba": lambda: MambaForCausalLM(
        MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, state_size=4)
    ),
    "bag": lambda: Bag(VOCABULARY),
}


def made(name: str) -> nn.Module:
    """A model whose arg-max is not the same everywhere: weights larger than at the start of training."""
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(4)
    return model


@torch.no_grad()
def plainly(model: nn.Module, prompts: Tensor, new: int) -> tuple[Tensor, Tensor]:
    """Greedy tokens (B, new) and their logits (B, new, V), everything read anew for every token."""
    tokens, logits = prompts, []
    for _ in range(new):
        logits.append(model(input_ids=tokens).logits[:, -1])
        tokens = torch.cat([tokens, logits[-1].argmax(-1, keepdim=True)], dim=1)
    return tokens[:, prompts.shape[1] :], torch.stack(logits, dim=1)


def prompts_of(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(0, VOCABULARY, (6, 5), generator=generator)
    if kind == "alike":
        return drawn[:1].expand(6, -1)
    if kind == "some alike":
        return drawn[[0, 1, 0, 2, 2, 0]]
    if kind == "common beginning":
        # 64 prompts, so that what is saved is worth a pass of its own.
        many = torch.randint(0, VOCABULARY, (64, 7), generator=generator)
        many[:, :5] = drawn[0]
        return many
    return drawn


@pytest.mark.parametrize("kind", ["unlike", "alike", "some alike", "common beginning"])
@pytest.mark.parametrize("name", MODELS)
def test_greedy_is_reading_everything_anew(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompts = made(name), prompts_of(kind)
    shown: list[Tensor] = []
    choose = Sampling.choose

    def note(self: Sampling, logits: Tensor, *rest: Any) -> Tensor:
        shown.append(logits)
        return choose(self, logits, *rest)

    monkeypatch.setattr(Sampling, "choose", note)
    expected, logits = plainly(model, prompts, 9)
    found = generate(model, prompts, 9)
    assert torch.equal(found, expected)
    assert kind == "alike" or len(expected.unique()) > 1  # a model that says one thing whatever it reads shows nothing
    first = {tuple(prompt): row for prompt, row in zip(prompts.tolist(), logits[:, 0], strict=True)}
    assert len(shown[0]) == len(first)
    order = sorted(first) if len(first) < len(prompts) else [tuple(row) for row in prompts.tolist()]
    assert torch.allclose(shown[0], torch.stack([first[prompt] for prompt in order]), atol=1e-5)
    if len(first) == len(prompts):
        assert torch.allclose(torch.stack(shown, dim=1), logits, atol=1e-5)


@pytest.mark.parametrize("name", ["learned", "hf-gpt2", "hf-mamba", "bag"])
def test_samples_are_those_of_a_plain_loop(name: str) -> None:
    """Rows that part are read apart: the same draws, whether prefixes are shared or not."""
    model, prompts = made(name), prompts_of("some alike").repeat(8, 1)
    sampling, generator = Sampling(30.0, top_k=6), torch.Generator().manual_seed(3)
    tokens = prompts
    with torch.no_grad():
        for _ in range(7):
            logits = model(input_ids=tokens).logits[:, -1]
            tokens = torch.cat([tokens, sampling.choose(logits, generator)[:, None]], dim=1)
    found = generate(model, prompts, 7, sampling=sampling, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found, tokens[:, 5:])
    assert len({tuple(row) for row in found.tolist()}) > 24


@pytest.mark.parametrize("name", ["learned", "hf-gpt2", "hf-mamba", "bag"])
def test_rows_that_have_ended_are_filled_up(name: str) -> None:
    model, prompts = made(name), prompts_of("unlike").repeat(4, 1)
    prompts = torch.cat([prompts, prompts.flip(1), (prompts + 1) % VOCABULARY])
    expected, _ = plainly(model, prompts, 10)
    stop = int(expected[:, 3].mode().values)
    ended = ((expected == stop).cumsum(1) - (expected == stop).long()) > 0
    assert ended.any()
    assert torch.equal(generate(model, prompts, 10, stop=stop, pad=-1), expected.masked_fill(ended, -1))
    assert torch.equal(generate(model, prompts, 10, stop=stop), expected.masked_fill(ended, stop))


def test_ended_rows_are_not_read() -> None:
    """Rows count down to 0 from different numbers; the last rows of the batch are read alone."""
    model = Rule(VOCABULARY, lambda tokens: (tokens[:, -1] - 1).clamp(min=0))
    found = generate(model, torch.tensor([[9]] + [[n] for n in range(1, 9)]), 9, stop=0)
    assert found[0].tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert model.rows[0] == 9
    assert model.rows[-1] == 1
    assert sum(model.rows) < 9 * 9


def test_equal_prefixes_are_read_once() -> None:
    model = Rule(VOCABULARY, lambda tokens: tokens[:, -1])
    generate(model, torch.tensor([[3, 4]] * 50 + [[4, 4]] * 50), 3)
    assert model.rows == [2, 2, 2]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_distinct_rows_are_those_of_unique(data: st.DataObject) -> None:
    """In its order, or in the order given where all differ; ids of any size."""
    size = data.draw(st.sampled_from([1, 3, 50_257, 2**40]))
    length = data.draw(st.integers(1, 40))
    row = st.lists(st.integers(0, size - 1), min_size=length, max_size=length)
    few = data.draw(st.lists(row, min_size=1, max_size=4))
    rows = torch.tensor(data.draw(st.lists(st.sampled_from(few), min_size=1, max_size=9)))
    distinct, which = distinct_rows(rows)
    expected, inverse = torch.unique(rows, dim=0, return_inverse=True)
    assert torch.equal(distinct[which], rows)
    if len(expected) == len(rows):
        expected, inverse = rows, torch.arange(len(rows))
    assert torch.equal(distinct, expected)
    assert torch.equal(which, inverse)


@pytest.mark.parametrize("name", ["learned", "hf-gpt2", "hf-mamba", "bag"])
def test_rows_end_and_part_in_any_order(name: str) -> None:
    """Samples after two prompts, some of which part early and some late while others end: those of a plain loop."""
    model, prompts, stop = made(name), prompts_of("some alike")[:2].repeat(20, 1), 3
    sampling, generator = Sampling(12.0, top_k=6), torch.Generator().manual_seed(5)
    expected = torch.full((40, 9), stop)
    going, text = torch.arange(40), prompts
    with torch.no_grad():
        for step in range(9):
            found = sampling.choose(model(input_ids=text).logits[:, -1], generator)
            expected[going, step] = found
            going, text = going[found != stop], torch.cat([text, found[:, None]], dim=1)[found != stop]
    assert 0 < len(going) < 38
    drawn = generate(model, prompts, 9, sampling=sampling, generator=torch.Generator().manual_seed(5), stop=stop)
    assert torch.equal(drawn, expected)


def test_only_the_first_tokens_and_none_that_is_banned() -> None:
    model = Rule(VOCABULARY, lambda tokens: torch.arange(VOCABULARY).float().expand(len(tokens), -1))
    prompts = torch.tensor([[1], [2]])
    banned = torch.zeros(7, dtype=torch.bool)
    banned[6] = True
    assert generate(model, prompts, 2, size=7).tolist() == [[6, 6]] * 2
    assert generate(model, prompts, 2, size=7, banned=banned).tolist() == [[5, 5]] * 2
    drawn = generate(model, prompts.expand(2, 3), 50, sampling=Sampling(9.0), size=7, banned=banned)
    assert drawn.max() == 5


def test_parts_of_a_batch_are_answered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompts = made("learned"), prompts_of("unlike")
    whole = generate(model, prompts, 6)
    monkeypatch.setattr("geomem.decoding.generate.CACHE_BYTES", 2 * 8 * 11 * 2 * 16)  # two rows at a time
    rows: list[int] = []
    model.register_forward_hook(lambda one, args, options, output: rows.append(len(options["input_ids"])),
                                with_kwargs=True)  # fmt: skip
    assert torch.equal(generate(model, prompts, 6), whole)
    assert rows == [2] * 18


def test_dropout_is_off_and_comes_back() -> None:
    torch.manual_seed(0)
    model = transformer("learned", dropout=0.5).train()
    one, other = generate(model, prompts_of("unlike"), 5), generate(model, prompts_of("unlike"), 5)
    assert torch.equal(one, other)
    assert model.training


@pytest.mark.parametrize(("batch", "new"), [(3, 0), (0, 4)])
def test_nothing_asked_is_nothing_read(batch: int, new: int) -> None:
    model = Rule(VOCABULARY, lambda tokens: tokens[:, -1])
    assert generate(model, torch.zeros(batch, 2, dtype=torch.int64), new).shape == (batch, new)
    assert model.rows == []


@pytest.mark.parametrize(
    ("model", "length", "words"),
    [
        (lambda: transformer("learned", is_causal=False), 5, "looks ahead: it fills in masked tokens"),
        (
            lambda: transformer("learned"),
            22,
            "prompts of 22 tokens and 4 more are longer than the model's 24 positions",
        ),
        (gpt2, 22, "prompts of 22 tokens and 4 more are longer than the model's 24 positions"),
        (gpt2, 0, "prompts: must have at least one token"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(model: Any, length: int, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        generate(model(), torch.zeros(2, length, dtype=torch.int64), 4)
    assert "\n" not in str(caught.value)


def test_the_last_position_may_be_used() -> None:
    """The last token is chosen, not read: 21 tokens and 4 more need 24 positions."""
    model, prompts = made("learned"), torch.zeros(1, 21, dtype=torch.int64)
    assert torch.equal(generate(model, prompts, 4), plainly(model, prompts, 4)[0])
