"""Tokenizers: opened from folders and GGUF files, and checked against a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast

from geomem.errors import InputError
from geomem.models.tokenizers import check_vocabulary, open_tokenizer, vocabulary_fingerprint
from tests.models.adapters.checkpoints import build, save
from tests.models.gguf_files import write_gguf

WORDS = ["<unk>", "north", "of", "Spain", "France", "lies"]


def tokenizer(words: Sequence[str] = WORDS) -> Any:
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>")


def rows(count: int) -> Any:
    return SimpleNamespace(get_input_embeddings=lambda: nn.Embedding(count, 2))


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    tokenizer().save_pretrained(tmp_path)
    opened = open_tokenizer(tmp_path)
    assert opened("France lies north of Spain")["input_ids"] == [4, 5, 1, 2, 3]
    assert opened.is_fast


def test_beside_the_weights_of_a_folder_a_run_or_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "hub" / "models--some--model" / "snapshots" / "abc"
    for folder in (tmp_path / "run" / "checkpoint", snapshot):
        tokenizer().save_pretrained(save(build("gpt2"), folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for place in (tmp_path / "run" / "checkpoint", tmp_path / "run", snapshot, "some/model"):
        assert open_tokenizer(place)("north")["input_ids"] == [1]


def test_older_files(tmp_path: Path) -> None:
    """vocab.txt of BERT, and vocab.json with merges.txt of GPT-2, without a tokenizer.json."""
    bert, gpt2 = tmp_path / "bert", tmp_path / "gpt2"
    save(build("bert"), bert)
    (bert / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "north", "##ern"]))
    assert open_tokenizer(bert).tokenize("northern") == ["north", "##ern"]
    save(build("gpt2"), gpt2)
    (gpt2 / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}))
    with pytest.raises(InputError, match="no tokenizer here"):
        open_tokenizer(gpt2)
    (gpt2 / "merges.txt").write_text("#version: 0.2\na b\n")
    assert open_tokenizer(gpt2).tokenize("abb") == ["ab", "b"]


def test_a_gguf_file_brings_its_own(tmp_path: Path) -> None:
    words = ["<|endoftext|>", "a", "b", "ab", *(f"<{index}>" for index in range(46))]
    file = write_gguf(build("llama"), tmp_path / "tiny.gguf", words=words)
    for place in (file, tmp_path):
        opened = open_tokenizer(place)
        assert opened("abb", add_special_tokens=False)["input_ids"] == [3, 2]
    with pytest.raises(InputError, match=r"bare.gguf: cannot be read as GGUF"):
        open_tokenizer(write_gguf(build("llama"), tmp_path / "bare.gguf"))


def test_no_tokenizer(tmp_path: Path) -> None:
    save(build("gpt2"), tmp_path)
    with pytest.raises(InputError, match=r"no tokenizer here \(tokenizer.json, vocab.json .*--tokenizer DIR"):
        open_tokenizer(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        open_tokenizer(tmp_path / "nowhere")


def test_damaged_files(tmp_path: Path) -> None:
    tokenizer().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{nonsense")
    with pytest.raises(InputError, match=r"the tokenizer cannot be opened"):
        open_tokenizer(tmp_path)


def test_code_that_comes_with_a_tokenizer_is_not_run(tmp_path: Path) -> None:
    tokenizer().save_pretrained(tmp_path)
    place = tmp_path / "tokenizer_config.json"
    settings = {
        **json.loads(place.read_text()),
        "tokenizer_class": "Mine",
        "auto_map": {"AutoTokenizer": ["t.T", None]},
    }
    place.write_text(json.dumps(settings))
    (tmp_path / "t.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InputError, match="the tokenizer cannot be opened"):
        open_tokenizer(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_more_ids_than_rows() -> None:
    check_vocabulary(tokenizer(), rows(6))
    check_vocabulary(tokenizer(), rows(64))  # padded to a round number
    with pytest.raises(InputError, match=r"has 6 ids and the model's vocabulary only 5: .*--tokenizer DIR"):
        check_vocabulary(tokenizer(), rows(5))
    grown = tokenizer()
    grown.add_tokens(["<new>"])
    with pytest.raises(InputError, match="has 7 ids"):
        check_vocabulary(grown, rows(6))


def test_a_fingerprint_tells_vocabularies_apart() -> None:
    mine = vocabulary_fingerprint(tokenizer())
    assert mine == vocabulary_fingerprint(tokenizer())
    assert len(mine) == 16
    swapped = ["<unk>", "of", "north", *WORDS[3:]]
    others = {vocabulary_fingerprint(tokenizer(words)) for words in (swapped, [*WORDS, "Größe"], WORDS[:-1])}
    assert len(others | {mine}) == 4
