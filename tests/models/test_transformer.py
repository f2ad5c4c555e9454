"""The Transformer: against GPT-2 with copied weights, each switch, shortcuts, cache, saving."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from geomem.errors import InputError
from geomem.models.attention import rotate
from geomem.models.specs import TransformerSpec
from geomem.models.tables import position_angles
from geomem.models.transformer import GeomemTransformerForCausalLM

VOCAB = 40


def build(seed: int = 0, **settings: Any) -> GeomemTransformerForCausalLM:
    model = TransformerSpec(width=32, heads=4, **settings).build(VOCAB, seed)
    assert isinstance(model, GeomemTransformerForCausalLM)
    return model.eval()


def tokens(batch: int = 6, length: int = 5, *, shared: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(batch * 100 + length)
    ids = torch.randint(0, VOCAB, (batch, length), generator=generator)
    ids[:, :shared] = ids[:1, :shared]
    return ids


def gpt2_twin(model: GeomemTransformerForCausalLM) -> GPT2LMHeadModel:
    """GPT-2 with the same weights; its Conv1D stores matrices transposed."""
    config = GPT2Config(
        vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=64,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    twin = GPT2LMHeadModel(config).eval()
    mine = model.state_dict()
    names = {"norm_1": "ln_1", "norm_2": "ln_2", "attention.qkv": "attn.c_attn", "attention.proj": "attn.c_proj",
             "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}  # fmt: skip
    state = {
        "transformer.wte.weight": mine["embed_tokens.weight"],
        "lm_head.weight": mine["lm_head.weight"],
        "transformer.wpe.weight": mine["embed_positions.weight"],
        "transformer.ln_f.weight": mine["final_norm.weight"],
        "transformer.ln_f.bias": mine["final_norm.bias"],
    }
    for layer in range(2):
        for ours, theirs in names.items():
            weight = mine[f"layers.{layer}.{ours}.weight"]
            state[f"transformer.h.{layer}.{theirs}.weight"] = weight if "norm" in ours else weight.T
            state[f"transformer.h.{layer}.{theirs}.bias"] = mine[f"layers.{layer}.{ours}.bias"]
    twin.load_state_dict({name: value.clone() for name, value in state.items()})
    return twin


def lively(model: GeomemTransformerForCausalLM) -> GeomemTransformerForCausalLM:
    """Weights large enough for attention and norms to matter, and biases that are not zero."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(5)
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_equals_gpt2_with_copied_weights(length: int) -> None:
    model = lively(build())
    twin = gpt2_twin(model)
    ids = tokens(length=length)
    ours = model(input_ids=ids, labels=ids, output_hidden_states=True)
    theirs = twin(input_ids=ids, labels=ids, output_hidden_states=True)
    torch.testing.assert_close(ours.logits, theirs.logits, atol=1e-5, rtol=1e-5)
    assert len(ours.hidden_states) == len(theirs.hidden_states) == 3
    for mine, other in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)
    if length > 1:
        torch.testing.assert_close(ours.loss, theirs.loss, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("length", "shared"), [(2, 1), (4, 1), (9, 3), (5, 0)])
def test_gradients_of_the_short_cut_equal_gpt2(length: int, shared: int) -> None:
    model = lively(build())
    twin = gpt2_twin(model)
    ids = tokens(length=length, shared=shared)
    targets = torch.arange(len(ids))
    keep = torch.tensor([length - 1])
    F.cross_entropy(model(input_ids=ids, logits_to_keep=keep).logits.flatten(0, 1), targets).backward()
    F.cross_entropy(twin(input_ids=ids).logits[:, -1], targets).backward()
    pairs = {
        "embed_tokens.weight": twin.transformer.wte.weight,
        "embed_positions.weight": twin.transformer.wpe.weight,
        "final_norm.weight": twin.transformer.ln_f.weight,
    }
    for layer in range(2):
        theirs = twin.transformer.h[layer]
        pairs[f"layers.{layer}.norm_1.weight"] = theirs.ln_1.weight
        pairs[f"layers.{layer}.attention.qkv.weight"] = theirs.attn.c_attn.weight
        pairs[f"layers.{layer}.attention.qkv.bias"] = theirs.attn.c_attn.bias
        pairs[f"layers.{layer}.mlp.up.weight"] = theirs.mlp.c_fc.weight
        pairs[f"layers.{layer}.mlp.down.bias"] = theirs.mlp.c_proj.bias
    for name, other in pairs.items():
        mine = model.get_parameter(name).grad
        assert mine is not None
        assert other.grad is not None
        transposed = "qkv.weight" in name or "up.weight" in name
        torch.testing.assert_close(mine, other.grad.T if transposed else other.grad, atol=1e-5, rtol=1e-4)


KEEPS = [
    0, 1, 3, 5, 9, torch.tensor([4]), torch.tensor([0]), torch.tensor([-1]), torch.tensor([1, 3]), torch.tensor([3, 1]),
    torch.tensor([4, 4]), torch.tensor([2, 2, 2, 2, 2, 2]), torch.arange(5),
    torch.tensor([[4], [3], [2], [1], [0], [2]]),
    torch.arange(30).view(6, 5) % 3 == 0,
]  # fmt: skip


def expected(full: torch.Tensor, keep: int | torch.Tensor) -> torch.Tensor:
    if isinstance(keep, int):
        return full[:, -keep:] if keep else full
    if keep.ndim == 1:
        return full[:, keep]
    if keep.dtype == torch.bool:
        return full[keep]
    return torch.stack([row[index] for row, index in zip(full, keep, strict=True)])


@pytest.mark.parametrize("keep", KEEPS, ids=str)
@pytest.mark.parametrize("shared", [0, 1, 4, 5])
@pytest.mark.parametrize("attention", [True, False])
def test_logits_to_keep_is_a_slice_of_all_logits(keep: int | torch.Tensor, shared: int, attention: bool) -> None:
    model = lively(build(attention=attention))
    ids = tokens(shared=shared)
    kept = model(input_ids=ids, logits_to_keep=keep).logits
    full = model(input_ids=ids).logits
    torch.testing.assert_close(kept, expected(full, keep), atol=2e-5, rtol=1e-5)
    with_states = model(input_ids=ids, logits_to_keep=keep, output_hidden_states=True)
    torch.testing.assert_close(with_states.logits, kept, atol=2e-5, rtol=1e-5)


def test_positions_outside_the_sequence_are_refused() -> None:
    with pytest.raises(IndexError, match="outside a sequence of 5"):
        build()(input_ids=tokens(), logits_to_keep=torch.tensor([5]))


def test_duplicated_sole_position() -> None:
    model = build()
    ids = tokens(length=1)
    assert model(input_ids=ids, logits_to_keep=torch.tensor([0, 0])).logits.shape == (6, 2, VOCAB)
    ids = tokens(length=2, shared=1)
    assert model(input_ids=ids, logits_to_keep=torch.tensor([1, 1])).logits.shape == (6, 2, VOCAB)


def test_without_layers_only_tables_remain() -> None:
    model = build(layers=0, norm=False, positions="none")
    ids = tokens(shared=2)
    table = model.get_input_embeddings().weight
    torch.testing.assert_close(model(input_ids=ids, logits_to_keep=1).logits, (table[ids] @ table.T)[:, -1:])


def test_it_is_causal_and_attention_off_sees_one_token() -> None:
    ids = tokens()
    changed = ids.clone()
    changed[:, 2] = (changed[:, 2] + 1) % VOCAB
    model = lively(build())
    first, second = model(input_ids=ids).logits, model(input_ids=changed).logits
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.allclose(first[:, 4], second[:, 4])
    alone = lively(build(attention=False))
    first, second = alone(input_ids=ids).logits, alone(input_ids=changed).logits
    assert torch.equal(first[:, 3:], second[:, 3:])
    assert not torch.allclose(first[:, 2], second[:, 2])


def test_residual_off_replaces_the_input() -> None:
    model = build(residual=False, layers=1)
    with torch.no_grad():
        model.layers[0].mlp.down.weight.zero_()
    # The MLP now returns 0, and with no sum around it nothing of the token survives.
    hidden = model(input_ids=tokens(), output_hidden_states=True).hidden_states[-1]
    assert torch.equal(hidden, torch.zeros_like(hidden))


def test_switches_take_parts_away() -> None:
    names = set(build().state_dict())
    assert {name for name in names if "norm" in name} == names - set(build(norm=False).state_dict())
    without = names - set(build(attention=False).state_dict())
    assert without == {name for name in names if "attention" in name or "norm_1" in name}
    inner = {name for name in names if name.endswith("bias") and "norm" not in name}
    assert inner == names - set(build(biases=False).state_dict())
    assert names - set(build(positions="none").state_dict()) == {"embed_positions.weight"}
    assert build(mlp_width=7).layers[0].mlp.up.weight.shape == (7, 32)


def test_positions_distinguish_places() -> None:
    ids = torch.full((2, 4), 3)
    for kind, differ in (("none", False), ("learned", True), ("sinusoidal", True)):
        logits = lively(build(positions=kind, attention=False))(input_ids=ids).logits
        assert torch.allclose(logits[:, 0], logits[:, 3]) is not differ


def test_scaled_token_vectors_enter_longer_and_leave_as_they_are() -> None:
    plain, scaled = (build(layers=0, norm=False, scaled=scaled) for scaled in (False, True))
    ids = tokens()
    before, after = (model(input_ids=ids, output_hidden_states=True).hidden_states[0] for model in (plain, scaled))
    torch.testing.assert_close(after - before, plain.embed_tokens(ids) * (32**0.5 - 1))
    assert torch.equal(plain.lm_head.weight, scaled.lm_head.weight)


def test_sinusoids_follow_the_formula() -> None:
    model = build(positions="sinusoidal", layers=0, norm=False, tied=False)
    hidden = model(input_ids=tokens(), output_hidden_states=True).hidden_states[0]
    added = (hidden - model.embed_tokens(tokens()))[0]
    assert added[3, 0].item() == pytest.approx(torch.tensor(3.0).sin().item(), abs=1e-5)
    assert added[3, 5].item() == pytest.approx(torch.tensor(3 / 10000 ** (4 / 32)).cos().item(), abs=1e-5)


def test_rotation_is_that_of_llama() -> None:
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 2, 9, 4, 8, generator=generator)
    angles = position_angles(torch.arange(9), 8)
    twice = torch.cat([angles, angles], -1)[None]
    expected = apply_rotary_pos_emb(query.transpose(1, 2), key.transpose(1, 2), twice.cos(), twice.sin())
    for ours, theirs in zip((query, key), expected, strict=True):
        torch.testing.assert_close(rotate(ours, angles), theirs.transpose(1, 2))
    assert position_angles(torch.tensor(3), 8)[1].item() == pytest.approx(3 / 10000 ** (2 / 8))


@pytest.mark.parametrize("causal", [True, False])
def test_rotary_positions_tell_distances_alone(causal: bool) -> None:
    model = lively(build(positions="rotary", causal=causal))
    assert model.embed_positions is None
    ids = tokens(length=9)
    plain = model(input_ids=ids).logits
    places = torch.arange(9).expand(6, -1)
    torch.testing.assert_close(model(input_ids=ids, position_ids=places + 7).logits, plain, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(model(input_ids=ids, position_ids=2 * places).logits, plain, atol=1e-2)


@pytest.mark.parametrize("keep", [1, 2, torch.tensor([4, 6])], ids=str)
def test_rotary_positions_with_a_common_start_and_few_logits(keep: int | torch.Tensor) -> None:
    model = lively(build(positions="rotary"))
    ids = tokens(length=7, shared=4)
    rows = slice(-keep, None) if isinstance(keep, int) else keep
    torch.testing.assert_close(
        model(input_ids=ids, logits_to_keep=keep).logits, model(input_ids=ids).logits[:, rows], atol=1e-5, rtol=1e-5
    )
    start = model(input_ids=ids[:, :3], use_cache=True)
    rest = model(input_ids=ids[:, 3:], past_key_values=start.past_key_values)
    torch.testing.assert_close(rest.logits, model(input_ids=ids).logits[:, 3:], atol=1e-5, rtol=1e-5)


def test_rotary_needs_pairs() -> None:
    with pytest.raises(ValueError, match="positions: rotary needs heads of even width, got 3"):
        TransformerSpec(width=12, heads=4, positions="rotary")


def test_tying_and_freezing() -> None:
    tied, untied = build(), build(tied=False)
    assert tied.lm_head.weight is tied.embed_tokens.weight
    assert not torch.equal(untied.lm_head.weight, untied.embed_tokens.weight)
    for is_tied in (True, False):
        model = build(frozen=True, tied=is_tied)
        model(input_ids=tokens(), logits_to_keep=1).logits.sum().backward()
        frozen = {name for name, parameter in model.named_parameters() if parameter.grad is None}
        tables = {"embed_tokens.weight", "embed_positions.weight"} | (set() if is_tied else {"lm_head.weight"})
        assert frozen == tables


def test_dropout_works_in_training_only() -> None:
    model = lively(build(dropout=0.5))
    ids = tokens(shared=2)
    assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
    model.train()
    with torch.random.fork_rng():
        assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
        same = model(input_ids=torch.full((4, 3), 2), logits_to_keep=1).logits
    assert not torch.allclose(same[0], same[1])  # a shared prefix must not share its dropout


STATISTICS = [
    ("normal-0.02", {"embed_tokens": 0.02, "embed_positions": 0.02, "mlp.down": 0.02, "attention.qkv": 0.02}),
    ("unit-normal", {"embed_tokens": 1.0, "embed_positions": 0.02, "mlp.down": 0.02, "lm_head": 1.0}),
    ("scaled-residual", {"embed_tokens": 0.02, "mlp.down": 0.01, "attention.proj": 0.01, "mlp.up": 0.02}),
    ("fan-in", {"embed_tokens": 0.125, "lm_head": 0.125, "attention.qkv": 0.125, "mlp.up": 0.125, "mlp.down": 0.0625}),
]


@pytest.mark.parametrize(("mode", "spreads"), STATISTICS)
def test_initial_statistics(mode: Any, spreads: dict[str, float]) -> None:
    model = TransformerSpec(width=64, initialisation=mode, tied=False).build(300, 1)
    for part, spread in spreads.items():
        for name, value in model.named_parameters():
            if part in name and name.endswith("weight"):
                assert value.std().item() == pytest.approx(spread, rel=0.1), name
                assert abs(value.mean().item()) < spread * 0.1
    assert all(not value.any() for name, value in model.named_parameters() if name.endswith("bias"))


def test_positions_as_in_the_release() -> None:
    model = build(position_std=1.0)
    assert model.embed_positions is not None
    assert model.embed_positions.weight.std().item() == pytest.approx(1.0, rel=0.1)
    assert model.embed_tokens.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_build_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(seed=3)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    second, third = build(seed=3), build(seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.embed_tokens.weight, third.embed_tokens.weight)


@pytest.mark.parametrize(
    "settings", [{}, {"positions": "sinusoidal"}, {"positions": "rotary"}, {"attention": False}], ids=str
)
def test_generate_equals_the_greedy_loop(settings: dict[str, Any]) -> None:
    model = lively(build(**settings))
    ids = tokens(length=3)
    loop = ids
    for _ in range(5):
        loop = torch.cat([loop, model(input_ids=loop).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    for use_cache in (True, False):
        out = model.generate(ids, max_new_tokens=5, do_sample=False, use_cache=use_cache)
        assert torch.equal(out, loop)


def test_a_cached_prefix_gives_the_same_logits() -> None:
    model = lively(build())
    ids = tokens(length=7)
    start = model(input_ids=ids[:, :3], use_cache=True)
    rest = model(input_ids=ids[:, 3:], past_key_values=start.past_key_values)
    torch.testing.assert_close(rest.logits, model(input_ids=ids).logits[:, 3:], atol=1e-5, rtol=1e-5)


def test_padding_on_either_side_changes_nothing() -> None:
    model = lively(build())
    ids = tokens(length=5)
    plain = model(input_ids=ids).logits
    padding = torch.zeros(6, 2, dtype=torch.int64)
    ones = torch.ones_like(ids)
    right = model(input_ids=torch.cat([ids, padding], 1), attention_mask=torch.cat([ones, padding], 1)).logits
    torch.testing.assert_close(right[:, :5], plain, atol=1e-5, rtol=1e-5)
    places = torch.tensor([0, 0, 0, 1, 2, 3, 4]).expand(6, -1)
    mask = torch.cat([padding, ones], 1)
    left = model(input_ids=torch.cat([padding, ids], 1), attention_mask=mask, position_ids=places).logits
    torch.testing.assert_close(left[:, 2:], plain, atol=1e-5, rtol=1e-5)
    assert left.isfinite().all()
    with pytest.raises(InputError, match="attention_mask: expected shape"):
        model(input_ids=ids, attention_mask=mask)


def test_attentions_are_causal_distributions_and_do_not_change_logits() -> None:
    model = lively(build())
    ids = tokens(shared=1)
    out = model(input_ids=ids, output_attentions=True)
    assert len(out.attentions) == 2
    for weights in out.attentions:
        assert weights.shape == (6, 4, 5, 5)
        torch.testing.assert_close(weights.sum(-1), torch.ones(6, 4, 5))
        assert not weights.triu(1).any()
    torch.testing.assert_close(out.logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_inputs_embeds_and_tuples() -> None:
    model = build()
    ids = tokens()
    vectors = model.get_input_embeddings()(ids)
    torch.testing.assert_close(model(inputs_embeds=vectors).logits, model(input_ids=ids).logits)
    assert torch.equal(model(input_ids=ids, return_dict=False)[0], model(input_ids=ids).logits)
    with pytest.raises(InputError, match="exactly one"):
        model()


def test_too_long_and_indivisible_are_clear_errors() -> None:
    with pytest.raises(InputError, match="7 tokens is longer than max_positions = 4"):
        build(max_positions=4)(input_ids=tokens(length=7))
    with pytest.raises(ValueError, match="does not divide by heads 5"):
        TransformerSpec(width=32, heads=5)


def test_reopens_bit_for_bit_and_stays_frozen(tmp_path: Any) -> None:
    model = lively(build(frozen=True, tied=False, positions="sinusoidal"))
    model.save_pretrained(tmp_path)
    again = GeomemTransformerForCausalLM.from_pretrained(tmp_path)
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not again.lm_head.weight.requires_grad
    assert not again.embed_tokens.weight.requires_grad
    assert again.layers[0].mlp.up.weight.requires_grad
    ids = tokens()
    assert torch.equal(model(input_ids=ids).logits, again(input_ids=ids).logits)


def test_it_compiles_without_graph_breaks() -> None:
    model = lively(build())
    ids = tokens(shared=1)
    keep = torch.tensor([4])
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(
        compiled(input_ids=ids, logits_to_keep=keep).logits, model(input_ids=ids, logits_to_keep=keep).logits
    )


def bidirectional(**settings: Any) -> GeomemTransformerForCausalLM:
    return lively(build(causal=False, **settings))


def test_looking_ahead_is_attention_without_a_mask() -> None:
    model = bidirectional()
    same = lively(build())  # the same weights, causal
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))
    ids = tokens(batch=2, length=9)
    mask = torch.ones_like(ids)
    # GPT-2 with a mask of its own that hides nothing.
    twin = gpt2_twin(model)
    expected = twin(input_ids=ids, attention_mask=torch.zeros(2, 1, 9, 9)).logits
    for found in (model(input_ids=ids), model(input_ids=ids, attention_mask=mask)):
        torch.testing.assert_close(found.logits, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(same(input_ids=ids).logits[:, 0], expected[:, 0], atol=1e-3)
    torch.testing.assert_close(model(input_ids=tokens(2, 2)).logits, twin(
        input_ids=tokens(2, 2), attention_mask=torch.zeros(2, 1, 2, 2)).logits, atol=1e-5, rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("keep", [1, 3, torch.tensor([0, 2])], ids=str)
def test_looking_ahead_with_few_logits_and_a_common_start(keep: int | torch.Tensor) -> None:
    model = bidirectional()
    ids = tokens(shared=3)
    rows = slice(-keep, None) if isinstance(keep, int) else keep
    torch.testing.assert_close(
        model(input_ids=ids, logits_to_keep=keep).logits, model(input_ids=ids).logits[:, rows], atol=1e-5, rtol=1e-5
    )


def test_looking_ahead_passes_over_padding() -> None:
    model = bidirectional()
    ids = tokens(length=5)
    padded = torch.cat([ids, torch.zeros(6, 2, dtype=torch.int64)], 1)
    mask = torch.cat([torch.ones_like(ids), torch.zeros(6, 2, dtype=torch.int64)], 1)
    found = model(input_ids=padded, attention_mask=mask).logits[:, :5]
    torch.testing.assert_close(found, model(input_ids=ids).logits, atol=1e-5, rtol=1e-5)


def test_labels_of_a_model_that_looks_ahead_stay_at_their_places() -> None:
    model = bidirectional()
    ids = tokens()
    labels = ids.masked_fill(torch.arange(5) % 2 == 0, -100)
    out = model(input_ids=ids, labels=labels)
    expected = F.cross_entropy(out.logits[:, 1::2].flatten(0, 1), ids[:, 1::2].flatten())
    torch.testing.assert_close(out.loss, expected)


def test_looking_ahead_has_no_cache_and_continues_nothing(tmp_path: Any) -> None:
    model = bidirectional()
    assert model(input_ids=tokens(), use_cache=True).past_key_values is None
    cache = build()(input_ids=tokens(), use_cache=True).past_key_values
    with pytest.raises(InputError, match="a model that looks ahead has no cache"):
        model(input_ids=tokens(), past_key_values=cache)
    with pytest.raises(InputError, match="generate: a model that looks ahead fills in masked tokens"):
        model.generate(tokens(), max_new_tokens=2)
    model.save_pretrained(tmp_path)
    again = GeomemTransformerForCausalLM.from_pretrained(tmp_path).eval()
    assert not again.config.is_causal
    assert torch.equal(again(input_ids=tokens()).logits, model(input_ids=tokens()).logits)
