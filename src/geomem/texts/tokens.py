"""Text to tokens in a stream: pieces of bounded length go through a Hugging Face tokenizer, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomem.errors import InputError
from geomem.runs.atomic import write_atomic_with

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PIECE = 1 << 16
"""Characters after which a piece ends as soon as it can."""

TOGETHER = 16
"""Pieces handed to the tokenizer at once: what it holds in memory, and what it can do in parallel."""

MASK = "<|mask|>"
"""The mask token of a tokenizer that came without one."""

FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt")
"""Files of which a tokenizer's folder has at least one."""

# No tokenizer joins a letter to the line end after it, nor a word to the space after it.
_LINE = re.compile(r"(?<=\S)\n(?=\S)")
_SPACE = re.compile(r"(?<=\S)(?= \S)")


def pieces(chunks: Iterable[str], size: int = PIECE) -> Iterator[str]:
    """Cut a text into pieces of `size` to 4 * `size` characters where no token crosses, whatever its chunks are.

    A piece ends after a single line end between two words, else between two words, else after 4 * `size` characters.
    Tokens of a byte-level BPE are those of the whole text; one that marks the beginning of a text (SentencePiece) marks
    the beginning of each piece.
    """
    rest = ""
    for chunk in chunks:
        rest += chunk
        while len(rest) >= 4 * size:
            cut = _cut(rest, size)
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def tokenise(text: Iterable[str], tokenizer: PreTrainedTokenizerBase, file: Path | None = None) -> Tensor:
    """Return the tokens (n,) int32 of a text that comes in chunks; special tokens are not added.

    file: where to keep them, mapped into memory instead of held there, for texts larger than memory.
    Raises InputError when the text has no token.
    """
    parts = token_pieces(text, tokenizer)
    if file is None:
        found = [np.empty(0, np.int32), *parts]
        tokens = np.concatenate(found)
    else:
        write_atomic_with(file, lambda partial: _append(partial, parts))
        # Copy-on-write, since torch wants memory that it may write to.
        tokens = np.memmap(file, np.int32, mode="c") if file.stat().st_size else np.empty(0, np.int32)
    if len(tokens) == 0:
        raise InputError("the tokenizer makes no token of the text")
    return torch.from_numpy(tokens)


def token_pieces(text: Iterable[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[NDArray[np.int32]]:
    """Yield the tokens of a text that comes in chunks, some (n,) at a time; special tokens are not added."""
    parts, encode = pieces(text), cast(Any, tokenizer)
    while some := list(islice(parts, TOGETHER)):
        # Without `verbose=False` it warns of texts longer than the model's context, which windows are cut from anyway.
        found = encode(some, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False,
                       verbose=False)["input_ids"]  # fmt: skip
        for ids in found:
            yield np.asarray(ids, np.int32)


def start_token(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the token that belongs at the start of every window, or None.

    The tokenizer decides: it is the BOS (or CLS) token if the tokenizer puts it before a text by itself, as those of
    Llama, Gemma and BERT do and those of GPT-2, GPT-NeoX and Qwen do not.
    """
    first: list[int] = cast(Any, tokenizer)("a")["input_ids"][:1]
    special = (tokenizer.bos_token_id, tokenizer.cls_token_id)
    return first[0] if first and first[0] in special else None


def mask_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id of the token that masks others; a tokenizer without one gets it, last in its vocabulary."""
    if tokenizer.mask_token_id is None:
        cast(Any, tokenizer).add_special_tokens({"mask_token": MASK})
    return cast(int, tokenizer.mask_token_id)


def open_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """Open the tokenizer of a local folder, or of the `checkpoint/` of a geomem run. Nothing is downloaded.

    Raises InputError when there is none or it cannot be read.
    """
    from transformers import AutoTokenizer

    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"{path}: no such folder to take a tokenizer from")
    place = next((one for one in (path, path / "checkpoint") if any((one / name).is_file() for name in FILES)), None)
    if place is None:
        raise InputError(f"{path}: holds no tokenizer (one of {', '.join(FILES)})")
    try:
        found: Any = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{place}: the tokenizer cannot be opened ({type(error).__name__}: {reason})") from error
    return cast("PreTrainedTokenizerBase", found)


def _cut(text: str, size: int) -> int:
    found = _LINE.search(text, size, 4 * size) or _SPACE.search(text, size, 4 * size)
    return found.end() if found else 4 * size


def _append(file: Path, parts: Iterable[NDArray[np.int32]]) -> None:
    with file.open("wb") as out:
        for part in parts:
            out.write(part.tobytes())
