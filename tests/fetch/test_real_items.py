"""The real items, where this machine has fetched them; nothing is downloaded for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from transformers import AutoModel, AutoTokenizer

from geomem.fetch.cache import cached, read_source
from geomem.fetch.listing import ITEMS
from geomem.fetch.passages import TOLERANCE, check_perplexity
from geomem.graphs.matrices import components
from geomem.graphs.wordnet import WordnetSpec


def folder(name: str) -> Path:
    found = cached(name)
    if found is None:
        pytest.skip(f"{name} has not been fetched here; run: geomem fetch {name}")
    return found


@pytest.mark.parametrize("name", list(ITEMS))
def test_the_catalogue_tells_the_size_that_is_kept(name: str) -> None:
    record = read_source(folder(name))
    assert record is not None
    assert sum(record.files.values()) == pytest.approx(ITEMS.get(name).size, rel=0.001)
    assert record.licence == ITEMS.get(name).licence


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "stories15m"])
def test_converted_models_score_what_they_should(name: str) -> None:
    where = folder(name)
    expected = ITEMS.get(name).perplexity
    assert expected is not None
    found = check_perplexity(where, expected)
    record = read_source(where)
    assert record is not None
    assert record.perplexity == pytest.approx(found, rel=TOLERANCE / 10)
    with safe_open(where / "model.safetensors", "np") as tensors:
        assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"F32"}  # noqa: SIM118


def test_the_tokenizer_of_the_stories_goes_by_score() -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder("stories15m"))
    ids = tokenizer("Once upon a time, there was a little girl named Lily.\n東")["input_ids"]
    # The numbers that these words have in the vocabulary of Llama.
    assert ids[:13] == [1, 9038, 2501, 263, 931, 29892, 727, 471, 263, 2217, 7826, 4257, 365]
    assert tokenizer.decode(ids, skip_special_tokens=True).endswith("Lily.\n東")


def test_a_sentence_model_puts_like_sentences_near_each_other() -> None:
    where = folder("all-minilm-l6-v2")
    tokenizer, model = AutoTokenizer.from_pretrained(where), AutoModel.from_pretrained(where)
    texts = ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose in March."]
    inputs = tokenizer(texts, return_tensors="pt", padding=True)
    mask = inputs["attention_mask"][..., None]
    states = model(**inputs).last_hidden_state
    means = ((states * mask).sum(1) / mask.sum(1)).detach().numpy()
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert means[0] @ means[1] > 0.5
    assert means[0] @ means[2] < 0.2


def test_wikitext_has_the_words_it_is_known_for() -> None:
    where = folder("wikitext-2")
    counts = {part: len((where / f"{part}.txt").read_text(encoding="utf-8").split()) for part in
              ("train", "valid", "test")}  # fmt: skip
    assert counts == {"train": 2_051_910, "valid": 213_886, "test": 241_211}


def test_the_books() -> None:
    where = folder("gutenberg")
    books = sorted(file for file in where.glob("*.txt") if file.name != "all.txt")
    assert len(books) == 18
    assert (where / "all.txt").read_bytes() == b"\n".join(file.read_bytes() for file in books)
    assert b"\r" not in (where / "all.txt").read_bytes()
    assert "Call me Ishmael." in (where / "melville-moby_dick.txt").read_text(encoding="utf-8")


def test_wordnet_has_the_counts_it_states() -> None:
    folder("wordnet")
    everything = WordnetSpec(instances=True).build(0)
    assert (everything.num_nodes, len(everything.edges)) == (82_192, 84_505)
    assert components(everything).max() == 0
    kinds = WordnetSpec(component="largest").build(0)
    assert (kinds.num_nodes, len(kinds.edges)) == (74_440, 75_901)
    dogs = WordnetSpec(below="dog").build(0)
    assert (dogs.num_nodes, len(dogs.edges)) == (190, 189)
    assert dogs.root is not None
    assert dogs.label(dogs.root) == "dog"
