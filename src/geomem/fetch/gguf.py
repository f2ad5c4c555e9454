"""GGUF files, read with transformers' own reader and written again as ordinary checkpoints."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomem.errors import InputError
from geomem.fetch.checkpoints import quiet_transformers, write_checkpoint

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def check_reader() -> None:
    """Raise InputError when the package that reads GGUF is not installed."""
    if find_spec("gguf") is None:
        raise InputError("GGUF files are read with the package gguf, which is missing: pip install 'geomem[gguf]'")


def convert(sources: Mapping[str, Path], target: Path) -> None:
    """Write the one GGUF file in `sources` as a checkpoint in the folder `target`."""
    (file,) = sources.values()
    with quiet_transformers():
        write_checkpoint(*read_gguf(file), target)


def read_gguf(file: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the causal model of a GGUF file, its weights expanded to float32, and its tokenizer.

    Raises InputError when the reader is missing or cannot make sense of the file.
    """
    return read_model(file), read_tokenizer(file)


def read_model(file: Path, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """Return the causal model of a GGUF file, its weights expanded to `dtype` (float32 if not given).

    Raises InputError when the reader is missing, cannot make sense of the file, or finds weights missing in it.
    """
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    with _reading(file) as where:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=dtype or torch.float32, output_loading_info=True, **where
        )
    model, info = loaded
    missing = sorted(map(str, info["missing_keys"]))
    if missing:
        raise InputError(f"{file}: the weights lack {len(missing)} tensor(s) of the model, such as '{missing[0]}'")
    return model.eval()


def read_tokenizer(file: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a GGUF file. Raises InputError when the reader or the tokenizer is missing."""
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    with _reading(file) as where:
        tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, **where)
        split_digits(tokenizer, _pre_tokenizer(file))
    return tokenizer


@contextmanager
def _reading(file: Path) -> Generator[dict[str, Any]]:
    """Give what transformers' reader must be told, and turn its errors into one line."""
    check_reader()
    try:
        with _no_bar():
            yield {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    except MemoryError:
        raise InputError(f"{file}: out of memory while opening it") from None
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, ImportError, struct.error) as error:
        raise InputError(f"{file.name}: cannot be read as GGUF: {' '.join(str(error).split())[:300]}") from error


def split_digits(tokenizer: PreTrainedTokenizerBase, pre_tokenizer: str) -> None:
    """Let every digit stand alone, as the pre-tokenizer "smollm" does; transformers' reader takes it for GPT-2's.

    Without this, an empty line before a number becomes other tokens than those the model was trained on.
    """
    if pre_tokenizer != "smollm":
        return
    from tokenizers import pre_tokenizers

    backend: Any = tokenizer.backend_tokenizer  # pyright: ignore[reportAttributeAccessIssue]
    digits = pre_tokenizers.Digits(individual_digits=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, backend.pre_tokenizer])


def _pre_tokenizer(file: Path) -> str:
    from gguf import GGUFReader

    field = GGUFReader(file).get_field("tokenizer.ggml.pre")
    return "" if field is None else str(field.contents())


@contextmanager
def _no_bar() -> Generator[None]:
    """Leave out the bar that transformers' reader draws whatever its settings say: geomem shows its own progress."""
    from transformers import modeling_gguf_pytorch_utils

    def plain(items: Iterable[Any], **_settings: Any) -> Iterable[Any]:
        return items

    reader: Any = modeling_gguf_pytorch_utils
    drawn = reader.tqdm
    reader.tqdm = plain
    try:
        yield
    finally:
        reader.tqdm = drawn
