"""The items by name, with a line about each."""

from __future__ import annotations

from geomem.fetch.items import Item
from geomem.registry import Registry

ITEMS: Registry[Item] = Registry(
    "item",
    {
        "smollm2-135m-instruct": (
            "geomem.fetch.catalogue:SMOLLM2",
            "SmolLM2-135M-Instruct: a Llama of 30 layers, width 576, trained on the language at large",
        ),
        "stories15m": (
            "geomem.fetch.catalogue:STORIES15M",
            "stories15M: a Llama of 6 layers, width 288, trained on children's stories",
        ),
        "all-minilm-l6-v2": (
            "geomem.fetch.catalogue:ALL_MINILM",
            "all-MiniLM-L6-v2: a BERT of 6 layers, width 384, trained to embed sentences",
        ),
        "wikitext-2": (
            "geomem.fetch.catalogue:WIKITEXT2",
            "WikiText-2, raw: encyclopaedia articles in train, valid and test",
        ),
        "gutenberg": (
            "geomem.fetch.catalogue:GUTENBERG",
            "18 books of Project Gutenberg, one by one and in one file",
        ),
        "wordnet": (
            "geomem.fetch.catalogue:WORDNET",
            "WordNet 3.1: which noun is a kind of which",
        ),
    },
)
