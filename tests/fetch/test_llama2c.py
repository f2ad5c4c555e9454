from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from geomem.errors import InputError
from geomem.fetch import llama2c
from geomem.fetch.llama2c import Header, convert, read_llama2c, split_halves
from geomem.seeding import numpy_generator
from tests.fetch.samples import llama, llama2c_bytes, pieces_bytes, tokens

SHAPES = {"plain": {}, "own output layer": {"tied": False}, "every key of its own": {"key_heads": 4}}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_comes_back_from_the_layout(shape: str) -> None:
    model = llama(50, **SHAPES[shape])
    data = llama2c_bytes(model)
    header = Header.read(data)
    assert header.size == len(data)
    assert header.tied == model.config.tie_word_embeddings
    again = read_llama2c(data + b"a tokenizer follows")
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    with torch.no_grad():
        assert torch.equal(again(tokens(50)).logits, model(tokens(50)).logits)


def reference(data: bytes, ids: list[int]) -> np.ndarray:
    """Return logits (T, V) as the C program computes them: one token, one head and one rotary pair at a time."""
    header = Header.read(data)
    w = llama2c._tensors(header, data)
    d, hs, group = header.width, header.head_width, header.heads // header.key_heads

    def norm(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return weight * x / np.sqrt((x * x).mean() + 1e-5)

    keys: list[list[np.ndarray]] = [[] for _ in range(header.layers)]
    values: list[list[np.ndarray]] = [[] for _ in range(header.layers)]
    rows = []
    for position, token in enumerate(ids):
        x = w["embedding"][token].astype(float)
        for layer in range(header.layers):
            h = norm(x, w["attention_norm"][layer])
            q, k, v = (w[name][layer].astype(float) @ h for name in "qkv")
            for vector in (q, k):
                for i in range(0, len(vector), 2):
                    angle = position / 10000.0 ** ((i % hs) / hs)
                    a, b = vector[i], vector[i + 1]
                    vector[i] = a * np.cos(angle) - b * np.sin(angle)
                    vector[i + 1] = a * np.sin(angle) + b * np.cos(angle)
            keys[layer].append(k)
            values[layer].append(v)
            out = np.zeros(d)
            for head in range(header.heads):
                mine = slice(head * hs, head * hs + hs)
                shared = slice(head // group * hs, head // group * hs + hs)
                scores = np.array([q[mine] @ one[shared] for one in keys[layer]]) / np.sqrt(hs)
                shares = np.exp(scores - scores.max())
                shares /= shares.sum()
                out[mine] = sum(share * one[shared] for share, one in zip(shares, values[layer], strict=True))
            x = x + w["o"][layer] @ out
            h = norm(x, w["mlp_norm"][layer])
            gate = w["gate"][layer] @ h
            x = x + w["down"][layer] @ (gate / (1 + np.exp(-gate)) * (w["up"][layer] @ h))
        rows.append(w.get("output", w["embedding"]) @ norm(x, w["final_norm"]))
    return np.stack(rows)


def test_logits_are_those_of_the_c_program() -> None:
    # Random bytes of the layout itself: nothing of transformers has a part in making them.
    header = Header(width=16, hidden=24, layers=2, heads=4, key_heads=2, vocabulary=11, context=16, tied=True)
    numbers = numpy_generator(0, "tests", "llama2c").normal(0, 0.4, (header.size - 28) // 4).astype("<f4")
    data = struct.pack("<7i", 16, 24, 2, 4, 2, 11, 16) + numbers.tobytes()
    ids = tokens(11, 10)
    with torch.no_grad():
        found = read_llama2c(data)(ids).logits[0].numpy()
    np.testing.assert_allclose(found, reference(data, ids[0].tolist()), rtol=1e-4, atol=1e-4)


def test_without_the_permutation_the_logits_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama(50)
    monkeypatch.setattr(llama2c, "split_halves", lambda weight, _heads: weight)
    with torch.no_grad():
        difference = read_llama2c(llama2c_bytes(model))(tokens(50)).logits - model(tokens(50)).logits
    assert difference.abs().max() > 0.1


def test_rows_of_a_head() -> None:
    weight = np.arange(8, dtype=np.float32)[:, None]
    assert split_halves(weight, 1)[:, 0].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    assert split_halves(weight, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"abc", "3 bytes are too few for its header"),
        (struct.pack("<7i", 0, 1, 1, 1, 1, 1, 1), r"its header reads \(0, 1, 1, 1, 1, 1, 1\)"),
        (struct.pack("<7i", 16, 24, 2, 3, 3, 11, 16), "its header reads"),
        (b"GGUF" + bytes(30), "its header reads"),
        (b"\xff\x7f\x00\x00" * 7, "its header reads"),
        (struct.pack("<7i", 16, 24, 2, 4, 2, 11, 16) + bytes(100), "128 bytes where the header promises"),
    ],
)
def test_what_is_no_model(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_llama2c(data)


def test_convert(tmp_path: Path) -> None:
    vocabulary, count = pieces_bytes()
    model = llama(count)
    file = tmp_path / "llama2.data"
    file.write_bytes(llama2c_bytes(model) + vocabulary)
    target = tmp_path / "target"
    target.mkdir()
    convert({file.name: file}, target)
    again = AutoModelForCausalLM.from_pretrained(target)
    with torch.no_grad():
        assert torch.equal(again(tokens(count)).logits, model(tokens(count)).logits)
    tokenizer = AutoTokenizer.from_pretrained(target)
    assert tokenizer.model_max_length == 32
    assert tokenizer.convert_ids_to_tokens(tokenizer("abc")["input_ids"]) == ["<s>", " ", "abc"]
