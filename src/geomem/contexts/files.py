"""Context matrices on the disk: a folder with the counts, what they were made from, and the tokenizer they need."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from geomem.contexts.build import ContextCounter
from geomem.contexts.matrix import PAD, ContextMatrix
from geomem.contexts.origin import Contexts, Origin, merged_origin, tokenizer_hash
from geomem.errors import InputError
from geomem.fetch.resolve import exists
from geomem.runs.atomic import Remedy, write_folder_atomic
from geomem.spec import Spec, validate

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COUNTS, ABOUT, TOKENIZER, NAMES = "contexts.safetensors", "contexts.json", "tokenizer", "names.json"

FORMAT = 1

_ELSEWHERE = Remedy("try again", "choose another place to save it")


class About(Spec):
    """The JSON beside the counts: enough to know them without reading them."""

    format: int
    vocabulary: int
    contexts: int
    samples: float
    nnz: int
    origin: Origin


def save_contexts(contexts: Contexts, folder: Path) -> None:
    """Write a matrix to a new folder, whole or not at all.

    Raises InputError when something is there already, RunError when the disk refuses.
    """
    from safetensors.torch import save_file

    refuse_existing(folder)
    matrix, tokenizer = contexts.matrix, contexts.tokenizer
    about = About(
        format=FORMAT,
        vocabulary=matrix.vocabulary,
        contexts=len(matrix),
        samples=matrix.samples,
        nnz=matrix.nnz,
        origin=contexts.origin,
    )

    def write(partial: Path) -> None:
        tensors = {
            "contexts": _narrow(matrix.contexts),
            "indptr": matrix.indptr,
            "indices": _narrow(matrix.indices),
            "counts": matrix.counts,
        }
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial / COUNTS)
        (partial / ABOUT).write_text(about.model_dump_json(indent=1) + "\n", encoding="utf-8")
        if tokenizer is not None:
            tokenizer.save_pretrained(str(partial / TOKENIZER))
        if contexts.names is not None:
            (partial / NAMES).write_text(json.dumps(contexts.names, ensure_ascii=False) + "\n", encoding="utf-8")

    write_folder_atomic(folder, write, _ELSEWHERE)


def refuse_existing(folder: Path) -> None:
    """Raise InputError when a matrix cannot be saved there because something lies there."""
    if os.path.lexists(folder):  # a link to nothing too; False for a name that is too long
        raise InputError(f"{folder}: is there already; nothing is written over, choose another name")


def is_saved(path: Path) -> bool:
    """Return whether a path is a folder that holds a context matrix, damaged or not."""
    return exists(path) and ((path / ABOUT).is_file() or (path / COUNTS).is_file())


def open_contexts(folder: Path) -> Contexts:
    """Open a saved matrix. Raises InputError when it is missing, damaged, or of another version."""
    if not is_saved(folder):
        raise InputError(f"{folder}: holds no context matrix ({ABOUT} and {COUNTS})")
    about = _read_about(folder / ABOUT)
    matrix = _read_counts(folder / COUNTS, about)
    return Contexts(matrix, about.origin, _read_tokenizer(folder, about), _read_names(folder / NAMES, about))


def merge_contexts(shards: Sequence[Contexts]) -> Contexts:
    """Add up the counts of shards: the same, to the last bit, as one pass over all their documents.

    Raises InputError when they differ in tokenizer, vocabulary, names, length of contexts or what a context is, or when
    contexts were dropped from one. A context that reaches from one shard into the next is in neither.
    """
    if not shards:
        raise InputError("nothing to merge: name at least one matrix")
    origin = merged_origin([shard.origin for shard in shards])
    first = shards[0].matrix
    counter = ContextCounter(first.vocabulary, first.length, prefixes=True)
    for shard in shards:
        if shard.matrix.vocabulary != first.vocabulary:
            raise InputError(f"these matrices do not fit: their vocabularies have {first.vocabulary} and "
                             f"{shard.matrix.vocabulary} tokens")  # fmt: skip
        if shard.names != shards[0].names:
            raise InputError("these matrices do not fit: their tokens have different names")
        counter.add_matrix(shard.matrix)
    return Contexts(counter.matrix(), origin, shards[0].tokenizer, shards[0].names)


def _read_about(file: Path) -> About:
    try:
        data: object = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{file}: is missing; make the matrix again from its text") from None
    except ValueError as error:
        raise InputError(f"{file}: is damaged ({error}); make the matrix again from its text") from None
    if not isinstance(data, dict):
        raise InputError(f"{file}: is damaged (no mapping); make the matrix again from its text")
    about = validate(About, cast("dict[str, Any]", data), str(file))
    if about.format != FORMAT:
        raise InputError(f"{file}: has format {about.format}, this version reads {FORMAT}; make the matrix again")
    return about


def _read_counts(file: Path, about: About) -> ContextMatrix:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(file)
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: cannot be read ({reason}); make the matrix again from its text") from None
    wrong = _wrong(found, about)
    if wrong:
        raise InputError(f"{file}: is damaged ({wrong}); make the matrix again from its text")
    return ContextMatrix(
        found["contexts"].long(), found["indptr"], found["indices"].long(), found["counts"], about.vocabulary
    )


def _wrong(found: dict[str, Tensor], about: About) -> str | None:
    """Say what makes these tensors no context matrix; None when they are one."""
    shapes = {
        "contexts": (about.contexts, about.origin.context),
        "indptr": (about.contexts + 1,),
        "indices": (about.nnz,),
        "counts": (about.nnz,),
    }
    for name, shape in shapes.items():
        if name not in found or tuple(found[name].shape) != shape:
            held = "missing" if name not in found else f"{tuple(found[name].shape)}"
            return f"{name} should be {shape}, is {held}"
    contexts, indptr, indices, counts = (found[name] for name in shapes)
    if any(tensor.is_floating_point() for tensor in (contexts, indptr, indices)) or counts.dtype != torch.float64:
        return "a number format that does not belong there"
    if int(indptr[0]) != 0 or int(indptr[-1]) != about.nnz or bool((indptr[1:] <= indptr[:-1]).any()):
        return "indptr does not rise from 0 to the number of entries"
    if not _inside(indices, 0, about.vocabulary) or not _inside(contexts, PAD, about.vocabulary):
        return "a token outside the vocabulary"
    if not bool((counts > 0).all()) or not bool(counts.isfinite().all()):
        return "a count that is not positive"
    return None


def _inside(tokens: Tensor, low: int, end: int) -> bool:
    return tokens.numel() == 0 or (int(tokens.min()) >= low and int(tokens.max()) < end)


def _read_tokenizer(folder: Path, about: About) -> PreTrainedTokenizerBase | None:
    if about.origin.tokenizer_sha256 is None:
        return None
    from geomem.texts.tokens import open_tokenizer

    tokenizer = open_tokenizer(folder / TOKENIZER)
    if tokenizer_hash(tokenizer) != about.origin.tokenizer_sha256:
        raise InputError(f"{folder / TOKENIZER}: is not the tokenizer the counts were made with; "
                         "put it back or make the matrix again")  # fmt: skip
    return tokenizer


def _read_names(file: Path, about: About) -> tuple[str, ...] | None:
    if not file.is_file():
        return None
    try:
        found: object = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file}: is damaged ({error}); make the matrix again") from None
    names = cast("list[object]", found) if isinstance(found, list) else []
    if len(names) != about.vocabulary or not all(isinstance(name, str) for name in names):
        raise InputError(f"{file}: should hold a list of {about.vocabulary} names; make the matrix again")
    return tuple(map(str, names))


def _narrow(tokens: Tensor) -> Tensor:
    """Return token ids in 32 bits where they fit, which halves the file."""
    return tokens.int() if tokens.numel() == 0 or int(tokens.max()) < 1 << 31 else tokens
