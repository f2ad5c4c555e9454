"""A converted model written as an ordinary checkpoint: safetensors in float32, equal to what was converted."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from geomem.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_SAMPLE = "A first line: 12 and 345.\n\n678 more, naïve “words” — 東京."


def write_checkpoint(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a causal model in float32 and its tokenizer, and see that both come back the same.

    A model that was read out of GGUF refuses to be saved: its weights go into a fresh one, whose configuration says
    nothing of quantization. Raises InputError when a reopened tensor differs in any bit.
    """
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    config: Any = copy.deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    fresh.load_state_dict(model.state_dict())
    fresh.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        # Written for the user alone, whatever the umask; a shared cache is read by others.
        file.chmod((folder / "config.json").stat().st_mode)
    _check_same(fresh, tokenizer, folder)


def _check_same(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    reopened = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
    ).state_dict()
    for name, tensor in model.state_dict().items():
        # Compared as integers: bit for bit, NaN and the sign of zero included.
        if not torch.equal(tensor.view(torch.int32), reopened[name].view(torch.int32)):
            raise InputError(f"tensor '{name}' read back from the disk is not what was written; nothing was kept")
    again = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if again(_SAMPLE)["input_ids"] != tokenizer(_SAMPLE)["input_ids"]:
        raise InputError("the tokenizer read back from the disk splits a text in another way; nothing was kept")


@contextmanager
def quiet_transformers() -> Generator[None]:
    """Keep transformers' bars and remarks off the screen for a while: geomem shows its own progress."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
