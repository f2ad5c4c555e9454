"""A text of any size to its context matrix: a tokenizer made from it or taken from a folder, then one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from geomem.contexts.build import ContextCounter
from geomem.contexts.origin import Contexts, Origin, TextOrigin, limit, tokenizer_hash
from geomem.errors import InputError, nearest
from geomem.texts.bpe import train_bpe
from geomem.texts.reading import find_text, read_text
from geomem.texts.tokens import open_tokenizer, token_pieces
from geomem.texts.words import train_words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Told = Callable[[str, int, int], None]
"""Called with what is being done, characters done and characters in all."""

DEFAULT_WINDOW = 64
"""Tokens of a window whose prefixes are the contexts, where nothing else is said."""

LONGEST_WORDS = 20
"""No language has words of so many characters on average."""

BPE_TOKENS = 1024
"""Tokens of a byte-level BPE made from the text, where nothing else is said."""


@dataclass(frozen=True)
class TextSettings:
    """How a text becomes contexts; None means the default of each.

    context: tokens of a context, 5 by default, or "full" for every prefix of its document or window. window: tokens of
    a window, for "full" alone. tokenizer: "words" (default), "bpe", or a tokenizer's folder. vocabulary: tokens of the
    tokenizer that is made; default: every word, or 1024 for "bpe". max_tokens: read that many, from the beginning.
    """

    context: int | Literal["full"] | None = None
    window: int | None = None
    tokenizer: str | None = None
    vocabulary: int | None = None
    max_tokens: int | None = None

    def length(self) -> int:
        """Return the tokens of the longest context. Raises InputError for settings that do not go together."""
        if self.context != "full":
            if self.window is not None:
                raise InputError("window: belongs to the context 'full'; a context of a fixed length has none")
            return 5 if self.context is None else self.context
        window = DEFAULT_WINDOW if self.window is None else self.window
        if window < 2:
            raise InputError(f"window: has at least 2 tokens, got {window}")
        return window - 1


def silent(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


def text_contexts(
    text: str | Path,
    settings: TextSettings | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    least: float = 1,
    most: int | None = None,
    told: Told = silent,
) -> Contexts:
    """Count the contexts of a text: a shipped or fetched name, or a file (UTF-8, also packed as .gz or .xz).

    tokenizer: takes the place of the one the settings name. The tokenizer's end-of-text token, which is what
    `<|endoftext|>` in the text is read as by those made here, ends a document. least, most: as in `keep_contexts`.
    Raises InputError when the text or the tokenizer cannot be read, or the text is shorter than a context.
    """
    chosen = settings or TextSettings()
    length, path = chosen.length(), find_text(text)
    if chosen.max_tokens is not None and chosen.max_tokens < 1:
        raise InputError(f"max_tokens: at least 1, got {chosen.max_tokens}")
    digest, characters = _look_through(path, told)
    if tokenizer is None:
        tokenizer = make_tokenizer(
            chosen.tokenizer or "words", chosen.vocabulary, _shown(read_text(path), "tokenizer", characters, told)
        )
        name = chosen.tokenizer or "words"
    else:
        name = chosen.tokenizer or "given"
    boundary = tokenizer.eos_token_id
    counter = ContextCounter(
        len(tokenizer),
        length,
        prefixes=chosen.context == "full",
        boundary=boundary if isinstance(boundary, int) else None,
    )
    read = 0
    for tokens in token_pieces(_shown(read_text(path), "contexts", characters, told), tokenizer):
        part = tokens if chosen.max_tokens is None else tokens[: chosen.max_tokens - read]
        counter.add_text(part)
        read += len(part)
        if read == chosen.max_tokens:
            break
    if read <= (1 if counter.prefixes else length):
        # Chinese, Japanese and Thai put no spaces between words, and a line of theirs is one word.
        long = name == "words" and chosen.max_tokens is None and characters > LONGEST_WORDS * max(1, read)
        hint = "; words are not spaced apart here, so take the tokenizer bpe" if long else ""
        raise InputError(f"{path}: {read} token(s) are too few for a context of {1 if counter.prefixes else length} "
                         f"and the token after it{hint}")  # fmt: skip
    matrix = counter.matrix()
    origin = Origin(
        texts=(
            TextOrigin(name=str(text), sha256=digest, characters=characters, tokens=read, max_tokens=chosen.max_tokens),
        ),
        tokenizer=name,
        tokenizer_sha256=tokenizer_hash(tokenizer),
        context=length,
        prefixes=counter.prefixes,
        boundary=counter.boundary,
        without_context=counter.seen - round(matrix.samples),
    )
    return limit(Contexts(matrix, origin, tokenizer), least=least, most=most)


def make_tokenizer(name: str, vocabulary: int | None, text: Iterable[str]) -> PreTrainedTokenizerBase:
    """Make the tokenizer "words" or "bpe" of a text that comes in chunks, or open a folder's.

    Raises InputError for another name, and for a vocabulary beside a folder, which has its own.
    """
    if name == "words":
        return train_words(text, vocabulary)
    if name == "bpe":
        return train_bpe(text, vocabulary or BPE_TOKENS)
    if not Path(name).exists():
        guess = nearest(name, ("words", "bpe"))
        hint = f"did you mean '{guess}'?" if guess else "choose words, bpe, or a tokenizer's folder"
        raise InputError(f"tokenizer {name}: no such folder; {hint}")
    if vocabulary is not None:
        raise InputError("vocabulary: a tokenizer from a folder has its own; leave the number out")
    return open_tokenizer(name)


def _look_through(path: Path, told: Told) -> tuple[str, int]:
    """Return the SHA-256 of a text and its number of characters; what is wrong with it is found before any work."""
    digest, characters = hashlib.sha256(), 0
    for chunk in read_text(path):
        digest.update(chunk.encode())
        characters += len(chunk)
        told("reading", characters, 0)
    return digest.hexdigest(), characters


def _shown(chunks: Iterable[str], stage: str, total: int, told: Told) -> Iterator[str]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        told(stage, done, total)
