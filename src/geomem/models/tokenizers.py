"""Tokenizers from local folders and GGUF files, checked against the model they are to feed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError
from geomem.fetch.gguf import read_tokenizer
from geomem.models.places import find_checkpoint
from geomem.texts.tokens import open_tokenizer as open_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("tekken.json",),
)
"""Files that hold a vocabulary; one of these sets must be there."""


def open_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """Open the tokenizer of a folder, or of whatever else `find_checkpoint` understands.

    Only local files are read and no code from them is run. Raises InputError when there are no tokenizer files, or
    they cannot be read.
    """
    place = Path(path)
    if not _has_vocabulary(place):
        place = find_checkpoint(path)
    if place.is_file():
        return read_tokenizer(place)
    if not _has_vocabulary(place):
        raise InputError(
            f"{place}: no tokenizer here (tokenizer.json, vocab.json with merges.txt, vocab.txt or tokenizer.model); "
            "name the folder of one with --tokenizer DIR"
        )
    return open_folder(place)


def check_vocabulary(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Raise InputError when the tokenizer has ids that the model has no row for; rows to spare (padding) are fine."""
    highest = max(tokenizer.get_vocab().values(), default=-1)
    rows = int(cast(Any, model.get_input_embeddings()).weight.shape[0])
    if highest >= rows:
        raise InputError(
            f"the tokenizer has {highest + 1} ids and the model's vocabulary only {rows}: they do not belong together; "
            "name the right tokenizer with --tokenizer DIR"
        )


def vocabulary_fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return 16 hex digits that two tokenizers share when every token has the same id in both."""
    tokens = sorted(tokenizer.get_vocab().items())
    return hashlib.sha256(json.dumps(tokens, ensure_ascii=True).encode("ascii")).hexdigest()[:16]


def _has_vocabulary(folder: Path) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in VOCABULARIES)
