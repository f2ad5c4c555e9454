"""What there is to know about a context matrix at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.contexts.origin import ArrayOrigin, Contexts, Origin, TextOrigin
from geomem.contexts.statistics import pmi, strongest_pairs, support_sizes, unigram_entropy
from geomem.contexts.supports import CentredSVD, SupportPatterns
from geomem.numbers import number

LEAST_SEEN = 5
"""A pair has to be seen this often for its PMI to be shown."""

SHOWN_PAIRS = 8
SHOWN_VALUES = 8


class Pair(BaseModel):
    """A context and a token that follows it more often than chance."""

    model_config = ConfigDict(frozen=True)

    context: str
    token: str
    pmi: float
    """log p(token | context) / p(token), nats."""
    count: float


class Description(BaseModel):
    """A context matrix described; V is the number of next-token types, as in arXiv 2408.15417."""

    model_config = ConfigDict(frozen=True)

    origin: Origin
    samples: float
    contexts: int
    length: int
    padded: bool
    tokenizer_tokens: int
    next_tokens: int
    """V, different tokens that follow some context."""
    nnz: int
    density: float
    """nnz over V times the contexts."""
    entropy: float
    """Nats: the lowest cross-entropy there can be on these samples."""
    unigram_entropy: float
    support_mean: float
    support_median: float
    support_largest: int
    support_mean_of_samples: float
    single: float
    """Share of the contexts that one token alone follows."""
    distinct_supports: int
    largest_class: int
    """Most contexts that share one support."""
    singular_values: tuple[float, ...]
    """Leading ones of the centred support."""
    nuclear_norm: float | None
    """Sum of all of them: an upper bound of the NTP-SVM's norm; None where only the leading ones were worked out."""
    pairs: tuple[Pair, ...]
    note: str | None

    def rows(self) -> list[tuple[str, str]]:
        """Return (name, value) lines of text for a table."""
        origin = self.origin
        kept = [f"at least {origin.least:g} times"] * (origin.least > 1) + [f"the {origin.most} most frequent"] * (
            origin.most is not None
        )
        values = ", ".join(f"{value:.4g}" for value in self.singular_values)
        rows = [
            *_sources(origin),
            ("tokenizer", f"{origin.tokenizer or 'none'}, {number(self.tokenizer_tokens)} tokens"),
            ("context", self._context()),
            ("samples", number(self.samples)),
            ("distinct contexts", number(self.contexts)),
            ("next-token types V", number(self.next_tokens)),
            ("entropy", f"{self.entropy:.4f} nats (of the next tokens alone: {self.unigram_entropy:.4f})"),
            ("pairs that occur", f"{number(self.nnz)}, density {number(self.density, percent=True)}"),
            ("next tokens of a context", f"mean {self.support_mean:.3g}, median {self.support_median:g}, largest "
             f"{number(self.support_largest)}; mean over samples {self.support_mean_of_samples:.3g}"),
            ("contexts with one next token", number(self.single, percent=True)),
            ("distinct supports", f"{number(self.distinct_supports)}; the commonest has "
             f"{number(self.largest_class)} contexts"),
            ("centred support", f"singular values {values}{', ...' if self.nuclear_norm is None else ''}"),
        ]  # fmt: skip
        if self.nuclear_norm is not None:
            rows.append(("nuclear norm", f"{self.nuclear_norm:.6g}"))
        if kept:
            rows.append(("kept", f"{' and '.join(kept)}: {number(origin.contexts_kept, percent=True)} of the contexts, "
                         f"{number(origin.samples_kept, percent=True)} of the samples"))  # fmt: skip
        if origin.without_context:
            rows.append(("left out", f"tokens after the first of a document with fewer than {self.length} before them: "
                         f"{number(origin.without_context)}"))  # fmt: skip
        if self.note:
            rows.append(("note", self.note))
        return rows

    def _context(self) -> str:
        if not self.origin.prefixes:
            return f"{self.length} tokens"
        asked = "everything before a token that is asked for" if self.origin.tasks else "every prefix"
        return f"{asked}, {f'1 to {self.length}' if self.padded else self.length} tokens"


def _sources(origin: Origin) -> list[tuple[str, str]]:
    """Return a line for every text, array and task that was counted."""
    rows = [("text", f"{text.name}: {_read(text)}") for text in origin.texts]
    for array in origin.arrays:
        documents = "" if array.rows is None else f" in {number(array.rows)} documents"
        rows.append(("array", f"{array.name}: {_read(array)}{documents}"))
    rows += [("task", f"{task.settings.get('kind')}, seed {task.seed}") for task in origin.tasks]
    return rows + [("source", origin.about)] * bool(origin.about)


def _read(source: TextOrigin | ArrayOrigin) -> str:
    first = "its first " if source.tokens == source.max_tokens else ""
    return f"{first}{number(source.tokens)} tokens"


def describe(contexts: Contexts, patterns: SupportPatterns, svd: CentredSVD) -> Description:
    """Describe a matrix. patterns, svd: those of `matrix.compact()`."""
    matrix = contexts.matrix
    sizes, types = support_sizes(matrix), len(matrix.types)
    return Description(
        origin=contexts.origin,
        samples=matrix.samples,
        contexts=len(matrix),
        length=matrix.length,
        padded=matrix.padded,
        tokenizer_tokens=matrix.vocabulary,
        next_tokens=types,
        nnz=matrix.nnz,
        density=matrix.nnz / (types * len(matrix)),
        entropy=float(matrix.entropy()) + 0.0,
        unigram_entropy=unigram_entropy(matrix) + 0.0,
        support_mean=sizes.mean,
        support_median=sizes.median,
        support_largest=sizes.most,
        support_mean_of_samples=sizes.of_samples,
        single=sizes.single,
        distinct_supports=len(patterns),
        largest_class=int(patterns.multiplicity.max()),
        singular_values=tuple(float(value) for value in svd.values[:SHOWN_VALUES]),
        nuclear_norm=svd.nuclear_norm,
        pairs=_pairs(contexts),
        note=_note(matrix, types),
    )


def token_names(contexts: Contexts, tokens: Sequence[int]) -> list[str]:
    """Return the text of tokens, else their names, or their numbers where they have none."""
    tokenizer = contexts.tokenizer
    if tokenizer is None:
        return [str(token) if contexts.names is None else contexts.names[token] for token in tokens]
    found: list[str] = []
    for token in tokens:
        text = str(tokenizer.decode([token]))
        found.append(text if text and "\ufffd" not in text else str(tokenizer.convert_ids_to_tokens(token)))
    return found


def _pairs(contexts: Contexts) -> tuple[Pair, ...]:
    matrix = contexts.matrix
    places = strongest_pairs(matrix, SHOWN_PAIRS, LEAST_SEEN)
    values, rows = pmi(matrix)[places].tolist(), matrix.rows[places]
    found: list[Pair] = []
    for place, row, value in zip(places.tolist(), rows.tolist(), values, strict=True):
        context, token = (
            token_text(contexts, matrix.contexts[row].tolist()),
            token_text(contexts, [int(matrix.indices[place])]),
        )
        found.append(Pair(context=context, token=token, pmi=value, count=float(matrix.counts[place])))
    return tuple(found)


def token_text(contexts: Contexts, tokens: Sequence[int]) -> str:
    """Return tokens as one line of text, padding left out."""
    real = [token for token in tokens if token != PAD]
    if contexts.tokenizer is None:
        return " ".join(token_names(contexts, real))
    return str(contexts.tokenizer.decode(real)).replace("\n", "⏎").strip()


def _note(matrix: ContextMatrix, types: int) -> str | None:
    if bool((matrix.support_sizes == types).all()):
        return "every token follows every context: the centred support is zero, and no margin is asked for"
    if matrix.padded:
        return "contexts shorter than the longest are padded: solvers take them, training on rows of tokens does not"
    return None
