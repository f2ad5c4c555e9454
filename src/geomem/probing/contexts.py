"""A saved context matrix beside a model: whether the two fit, which contexts are read, and the model's states there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from geomem.contexts.build import keep_contexts
from geomem.contexts.files import open_contexts
from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.contexts.origin import Contexts
from geomem.errors import InputError
from geomem.models.places import find_checkpoint
from geomem.models.tokenizers import open_tokenizer, vocabulary_fingerprint
from geomem.probing.conditions import shuffled_windows
from geomem.texts.tokens import start_token

if TYPE_CHECKING:
    from geomem.probing.spec import ProbeSpec
    from geomem.probing.subject import Subject

MOST = 512
"""Contexts read, the most frequent ones: their Gram matrices are compared whole."""

FEWEST = 8
"""Contexts below which there is nothing to compare."""


@dataclass(frozen=True)
class Read:
    """Contexts as a model reads them.

    matrix: the contexts, over the model's ids. streams: L + 1 tensors (m, d), float32 (float64 stays), on the CPU: the
    residual stream at the last token of each.
    """

    matrix: ContextMatrix
    streams: list[Tensor]


def check_asked(measure: Sequence[str], contexts: object) -> None:
    """Raise InputError when the comparison is asked for by name and nothing says with what, or the other way round."""
    if "contexts" in measure and contexts is None:
        raise InputError("measure contexts: needs the folder of a context matrix, --contexts DIR; geomem context FILE "
                         "--tokenizer MODEL --save DIR makes one")  # fmt: skip
    if contexts is not None and measure and not {"contexts", "all"} & set(measure):
        raise InputError("--contexts DIR is compared by the family contexts: add --measure contexts")


def check_tokenizers(spec: ProbeSpec) -> None:
    """Open the matrix and the tokenizer of every model of a probe, before any model is opened.

    Raises InputError for a matrix that cannot be read or was counted with another tokenizer than a model's.
    """
    if spec.contexts is None or "contexts" not in spec.measure:
        return
    contexts = open_contexts(Path(spec.contexts))
    for place in dict.fromkeys(spec.models):
        folder = find_checkpoint(place)
        words = open_tokenizer(Path(spec.tokenizer) if spec.tokenizer is not None else folder)
        check_same_tokens(contexts, words, spec.contexts, spec.tokenizer or str(folder))


def open_matching(spec: ProbeSpec, subject: Subject) -> Contexts | None:
    """Open the matrix that a probe names, or return None where it names none or does not ask for the comparison.

    Raises InputError when it cannot be read, has fewer than eight contexts, or is not of the model's tokens.
    """
    if spec.contexts is None or "contexts" not in spec.measure:
        return None
    contexts, where = open_contexts(Path(spec.contexts)), f"--contexts {spec.contexts}"
    place = spec.tokenizer or ("MODEL" if subject.path is None else str(subject.path))
    check_same_tokens(contexts, subject.tokenizer, spec.contexts, place)
    matrix, rows = contexts.matrix, subject.shape.vocabulary
    if matrix.vocabulary > rows:
        raise InputError(f"{where}: has {matrix.vocabulary} token ids and {subject.name} only {rows}: they do not "
                         "belong together")  # fmt: skip
    limit, needed = subject.adapter.context, matrix.length + len(_start(subject.tokenizer))
    if limit is not None and needed > limit:
        raise InputError(f"{where}: its contexts of {needed} tokens are longer than the windows of {limit} that "
                         f"{subject.name} takes; count shorter ones with geomem context --context N")  # fmt: skip
    if len(matrix) < FEWEST:
        raise InputError(f"{where}: holds {len(matrix)} contexts, at least {FEWEST} are compared")
    return contexts


def check_same_tokens(contexts: Contexts, tokenizer: Any, where: str, place: str) -> None:
    """Raise InputError when a matrix is not of a tokenizer's tokens; ids without names are taken on trust.

    where, place: the matrix and the tokenizer's folder, for the message.
    """
    remedy = f"count them with the model's own: geomem context FILE --tokenizer {place} --save DIR"
    if contexts.tokenizer is not None:
        own = None if tokenizer is None else vocabulary_fingerprint(tokenizer)
        if vocabulary_fingerprint(contexts.tokenizer) != own:
            raise InputError(f"--contexts {where}: was counted with another tokenizer than the model's; {remedy}")
    elif contexts.names is not None and tokenizer is not None:
        raise InputError(f"--contexts {where}: its tokens are those of a task, the model's those of a text; {remedy}")


def chosen_contexts(matrix: ContextMatrix) -> ContextMatrix:
    """Return the 512 most frequent contexts (or all, where there are fewer), in the order of the matrix."""
    # A matrix of distributions holds masses below 1, none of which is rare.
    return keep_contexts(matrix, least=0, most=MOST).matrix


@torch.no_grad()
def read_contexts(
    adapter: Any,
    tokenizer: Any,
    matrix: ContextMatrix,
    *,
    batch_tokens: int,
    shuffled: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Read:
    """Run a model once on every context: those of one length together, so that nothing is padded.

    A token that the tokenizer puts before every text stands before each context too. shuffled: with a seed, the tokens
    of each context come in a random order. progress: called with contexts read and all there are.
    """
    lengths, start = (matrix.contexts != PAD).sum(1), _start(tokenizer)
    streams: list[Tensor] = []
    done = 0
    for length in lengths.unique().tolist():
        places = (lengths == length).nonzero().flatten()
        for part in places.split(max(1, batch_tokens // (length + len(start)))):
            tokens = matrix.contexts[part, matrix.length - length :]
            if shuffled is not None:
                tokens = shuffled_windows(tokens, part, shuffled)
            before = torch.tensor(start, dtype=torch.int64).expand(len(part), -1)
            _keep(streams, len(matrix), part, _last_states(adapter, torch.cat([before, tokens], dim=1)))
            done += len(part)
            if progress is not None:
                progress(done, len(matrix))
    return Read(matrix, streams)


def _last_states(adapter: Any, tokens: Tensor) -> list[Tensor]:
    with adapter.record(streams=True, parts=False) as record:
        adapter.run(tokens)
    rows = [stream[:, -1].cpu() for stream in record.streams]
    return [row if row.dtype == torch.float64 else row.float() for row in rows]


def _keep(streams: list[Tensor], count: int, places: Tensor, found: Sequence[Tensor]) -> None:
    if not streams:
        streams += [row.new_zeros(count, row.shape[1]) for row in found]
    for kept, rows in zip(streams, found, strict=True):
        kept[places] = rows


def _start(tokenizer: Any) -> list[int]:
    found = None if tokenizer is None else start_token(tokenizer)
    return [] if found is None else [found]
