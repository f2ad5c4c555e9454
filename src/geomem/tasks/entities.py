"""A vocabulary of entities in groups, then marks: `a0`, `b1_3`, ..., `<q>`, `<sep>`, `</a>` (arXiv 2504.15266)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from geomem.errors import unknown_name

SEPARATOR, END, FILLER = "<sep>", "</a>", "<mask>"
"""Marks that every vocabulary of entities has: between the parts of an answer, at its end, in place of a hidden one."""


@dataclass(frozen=True)
class EntityVocabulary:
    """Ids 0..N-1 are entities, group after group; then come the prompts, `SEPARATOR`, `END` and `FILLER`.

    groups: (prefix, size) of each group; entity k of a group is called prefix + k. prompts: marks that begin an
    example, by what is asked for.
    """

    groups: tuple[tuple[str, int], ...]
    prompts: tuple[str, ...] = ("<q>",)

    @property
    def num_nodes(self) -> int:
        """Number of entities N."""
        return sum(size for _, size in self.groups)

    @property
    def marks(self) -> tuple[str, ...]:
        """Names of the tokens behind the entities."""
        return (*self.prompts, SEPARATOR, END, FILLER)

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.num_nodes + len(self.marks)

    def mark(self, name: str) -> int:
        """Return the id of a mark. Raises InputError for an unknown name."""
        if name not in self.marks:
            raise unknown_name("mark", name, self.marks)
        return self.num_nodes + self.marks.index(name)

    @property
    def separator(self) -> int:
        """Stands between the parts of an answer."""
        return self.mark(SEPARATOR)

    @property
    def end(self) -> int:
        """Ends an answer."""
        return self.mark(END)

    @property
    def filler(self) -> int:
        """Stands in for hidden or masked answers."""
        return self.mark(FILLER)

    def name(self, token: int) -> str:
        """Return the name of one token. Raises IndexError outside the vocabulary."""
        if not 0 <= token < self.size:
            raise IndexError(f"token {token} is outside 0..{self.size - 1}")
        place = token
        for prefix, size in self.groups:
            if place < size:
                return f"{prefix}{place}"
            place -= size
        return self.marks[place]

    def names(self, tokens: Iterable[int]) -> list[str]:
        """Return the names of tokens."""
        return [self.name(int(token)) for token in tokens]
