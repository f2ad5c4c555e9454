"""Which id is which token: of a graph (nodes, then special tokens), a tokenizer, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from geomem.errors import unknown_name

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SPECIALS = ("|", "[PAUSE]", "/", "$", ">", "<", "[PAD]", "[EDGE]", "[PATH]")
"""Of a graph in the weights (arXiv 2510.26745)."""

PROMPT_SPECIALS = ("|", "=", "/", "$")
"""Of a graph in the prompt (arXiv 2403.06963)."""


class Tokens(Protocol):
    """The tokens of a task: how many there are and what each is called."""

    @property
    def size(self) -> int:
        """Number of tokens."""
        ...

    def name(self, token: int) -> str:
        """Return the name of one token. Raises IndexError outside the vocabulary."""
        ...

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        ...


@dataclass(frozen=True)
class Vocabulary:
    """Ids 0..N-1 are nodes, N..N+8 are `SPECIALS` in that order (arXiv 2510.26745).

    labels: N names of the nodes, or None for their numbers.
    """

    num_nodes: int
    labels: tuple[str, ...] | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Number of tokens, N + 9."""
        return self.num_nodes + len(SPECIALS)

    def special(self, name: str) -> int:
        """Return the id of a special token. Raises InputError for an unknown name."""
        if name not in SPECIALS:
            raise unknown_name("special token", name, SPECIALS)
        return self.num_nodes + SPECIALS.index(name)

    @property
    def bar(self) -> int:
        """Separates edges in a prompt."""
        return self.special("|")

    @property
    def pause(self) -> int:
        """An extra position to think in."""
        return self.special("[PAUSE]")

    @property
    def slash(self) -> int:
        """Ends the edges of a prompt."""
        return self.special("/")

    @property
    def filler(self) -> int:
        """Stands in for target inputs in teacherless training."""
        return self.special("$")

    @property
    def pad(self) -> int:
        """Fills up short sequences."""
        return self.special("[PAD]")

    @property
    def edge(self) -> int:
        """Marks an edge example."""
        return self.special("[EDGE]")

    @property
    def path(self) -> int:
        """Marks a path example."""
        return self.special("[PATH]")

    def name(self, token: int) -> str:
        """Return the name of one token. Raises IndexError outside the vocabulary."""
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        if token >= self.num_nodes:
            return SPECIALS[token - self.num_nodes]
        return self.labels[token] if self.labels is not None else str(token)

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        return [self.name(int(token)) for token in tokens]


@dataclass(frozen=True)
class PromptVocabulary:
    """Ids 0..N-1 are nodes, N..N+3 are `PROMPT_SPECIALS` in that order (arXiv 2403.06963, as released)."""

    num_nodes: int

    @property
    def size(self) -> int:
        """Number of tokens, N + 4."""
        return self.num_nodes + len(PROMPT_SPECIALS)

    @property
    def bar(self) -> int:
        """Separates edges in a prompt."""
        return self.num_nodes

    @property
    def equals(self) -> int:
        """Ends a prompt."""
        return self.num_nodes + 1

    @property
    def slash(self) -> int:
        """Ends the edges of a prompt."""
        return self.num_nodes + 2

    @property
    def filler(self) -> int:
        """Stands in for target inputs in teacherless training."""
        return self.num_nodes + 3

    def name(self, token: int) -> str:
        """Return the name of one token. Raises IndexError outside the vocabulary."""
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        return str(token) if token < self.num_nodes else PROMPT_SPECIALS[token - self.num_nodes]

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        return [self.name(int(token)) for token in tokens]


@dataclass(frozen=True)
class Numbered:
    """Tokens without names: each is called by its number."""

    size: int

    def name(self, token: int) -> str:
        """Return the number of one token. Raises IndexError outside the vocabulary."""
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        return str(token)

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the numbers of tokens."""
        return [self.name(int(token)) for token in tokens]


@dataclass(frozen=True)
class TextVocabulary:
    """The tokens of a Hugging Face tokenizer, added ones included; a name is the text that a token stands for."""

    tokenizer: PreTrainedTokenizerBase

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.tokenizer)

    def name(self, token: int) -> str:
        """Return the text of one token, or the tokenizer's own name for a part of a character.

        Raises IndexError outside the vocabulary.
        """
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        text = str(cast(Any, self.tokenizer).decode([token]))
        return text if text and "\ufffd" not in text else str(self.tokenizer.convert_ids_to_tokens(token))

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        return [self.name(int(token)) for token in tokens]
