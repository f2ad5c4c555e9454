"""Where a context matrix comes from: its texts, its tokenizer, what a context is, and what was left out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from geomem.contexts.build import keep_contexts
from geomem.contexts.matrix import ContextMatrix
from geomem.errors import InputError
from geomem.runs.environment import versions
from geomem.spec import Spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class TextOrigin(Spec):
    """A text that was counted."""

    name: str = Field(description="the text's name or path, as it was given")
    sha256: str = Field(description="of its characters in UTF-8, unpacked")
    characters: int = Field(ge=0, description="characters of the whole text")
    tokens: int = Field(ge=0, description="tokens read of it, from its beginning")
    max_tokens: int | None = Field(default=None, description="no more were to be read; None: the whole text")


class ArrayOrigin(Spec):
    """A token array that was counted."""

    name: str = Field(description="the file, as it was given")
    sha256: str = Field(description="of all its ids as little-endian int64, row by row")
    rows: int | None = Field(description="documents, one a row; None for one stream of tokens")
    tokens: int = Field(ge=0, description="tokens read of it, from its beginning")
    max_tokens: int | None = Field(default=None, description="no more were to be read; None: the whole array")


class TaskOrigin(Spec):
    """A registered task whose training examples were counted."""

    settings: dict[str, Any] = Field(description="its kind and every setting")
    seed: int = Field(ge=0, description="it was built with")


class Origin(Spec):
    """Everything that decides a context matrix."""

    texts: tuple[TextOrigin, ...] = Field(default=(), description="the texts, in order; none for a task or an array")
    arrays: tuple[ArrayOrigin, ...] = Field(default=(), description="the token arrays, in order")
    tasks: tuple[TaskOrigin, ...] = Field(default=(), description="the tasks, in order")
    about: str = Field(default="", description="where the counts come from, in words")
    tokenizer: str | None = Field(
        default=None,
        description="'words', 'bpe', 'task' or the folder that was given; None for ids without a tokenizer",
    )
    tokenizer_sha256: str | None = Field(default=None, description="of the tokenizer's whole definition")
    context: int = Field(ge=1, description="tokens of a context; of the longest one with prefixes")
    prefixes: bool = Field(
        default=False, description="a context is everything before a token in its document or window"
    )
    boundary: int | None = Field(default=None, description="token that ends a document, over which no context reaches")
    without_context: int = Field(default=0, ge=0, description="tokens left out because too few stand before them")
    least: float = Field(default=1, ge=1, description="contexts that occur less often were dropped")
    most: int | None = Field(default=None, ge=1, description="most contexts kept, the most frequent ones")
    contexts_kept: float = Field(
        default=1.0, gt=0, le=1, description="share of the distinct contexts that both limits kept"
    )
    samples_kept: float = Field(default=1.0, gt=0, le=1, description="share of the samples that both limits kept")
    versions: dict[str, str] = Field(default_factory=versions, description="what it was made with")

    @property
    def limited(self) -> bool:
        """Whether contexts were dropped."""
        return self.contexts_kept < 1


@dataclass(frozen=True)
class Contexts:
    """A context matrix with where it comes from, and what its ids stand for.

    tokenizer: the one they are of, or None. names: what each of them is called where a task without a tokenizer says
    so, or None.
    """

    matrix: ContextMatrix
    origin: Origin
    tokenizer: PreTrainedTokenizerBase | None = None
    names: tuple[str, ...] | None = None


def limit(contexts: Contexts, *, least: float = 1, most: int | None = None) -> Contexts:
    """Drop rare contexts (see `keep_contexts`) and note the share that is left."""
    kept = keep_contexts(contexts.matrix, least=least, most=most)
    old = contexts.origin
    fewest = most if old.most is None else old.most if most is None else min(most, old.most)
    origin = old.model_copy(
        update={
            "least": max(old.least, least),
            "most": fewest,
            "contexts_kept": old.contexts_kept * kept.contexts,
            "samples_kept": old.samples_kept * kept.samples,
        }
    )
    return replace(contexts, matrix=kept.matrix, origin=origin)


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the SHA-256 of a tokenizer's whole definition, or of its vocabulary where it has no other."""
    fast: Any = getattr(tokenizer, "backend_tokenizer", None)
    if fast is not None:
        text = str(fast.to_str())
    else:
        vocabulary = cast("dict[str, int]", cast(Any, tokenizer).get_vocab())
        text = json.dumps(sorted(vocabulary.items(), key=lambda item: item[1]), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def merged_origin(origins: list[Origin]) -> Origin:
    """Return the origin of all shards together. Raises InputError when they do not fit."""
    first = origins[0]
    for other in origins[1:]:
        for name, what in _MUST_AGREE.items():
            one, two = getattr(first, name), getattr(other, name)
            if one != two:
                shown = "" if name == "tokenizer_sha256" else f" ({one} and {two})"
                raise InputError(f"these matrices do not fit: they differ in {what}{shown}")
    if any(origin.limited for origin in origins):
        raise InputError("a matrix from which contexts were dropped cannot be merged: what it lacks may be frequent "
                         "together; merge the whole ones, then limit")  # fmt: skip
    return first.model_copy(
        update={
            "texts": tuple(text for origin in origins for text in origin.texts),
            "arrays": tuple(array for origin in origins for array in origin.arrays),
            "tasks": tuple(task for origin in origins for task in origin.tasks),
            "about": "; ".join(dict.fromkeys(origin.about for origin in origins if origin.about)),
            "without_context": sum(origin.without_context for origin in origins),
            "versions": versions(),
        }
    )


_MUST_AGREE = {
    "context": "the length of their contexts",
    "prefixes": "whether contexts are whole prefixes",
    "boundary": "the token that ends a document",
    "tokenizer_sha256": "their tokenizer",
}
