"""Open any local Hugging Face checkpoint, or a geomem run, as a causal language model. Nothing is ever downloaded."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError, unknown_name

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

SAFE = ("model.safetensors", "model.safetensors.index.json")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def open_checkpoint(path: str | Path, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """Open a checkpoint folder, or the `checkpoint/` of a geomem run directory, in `dtype` (float32 if not given).

    Raises InputError when the folder or its configuration is missing or unreadable, when the weights are a pickle
    (which can run code on loading), are damaged or do not fill the model, and for unknown architectures: code that
    comes with a checkpoint is never run.
    """
    import torch
    from safetensors import SafetensorError
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    from geomem.models.architectures import silence_kernel_notes

    folder = find_checkpoint(path)
    _check_type(folder)
    _check_weights(folder)
    silence_kernel_notes()
    with quiet_progress():
        try:
            loaded = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype or torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (SafetensorError, OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
            raise InputError(f"{folder}: cannot be opened: {' '.join(str(error).split())[:300]}") from error
    model, info = cast("tuple[PreTrainedModel, dict[str, Any]]", loaded)
    # Transformers fills what is missing with random numbers and only warns; measuring those would be nonsense.
    missing = sorted(map(str, info["missing_keys"]))
    if missing:
        raise InputError(f"{folder}: the weights lack {len(missing)} tensor(s) of the model, such as '{missing[0]}'")
    return model


def find_checkpoint(path: str | Path) -> Path:
    """Return the folder with `config.json`: `path` or its `checkpoint/`. Raises InputError if neither has one."""
    folder = Path(path)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the folder that holds config.json and model.safetensors")
    for candidate in (folder, folder / "checkpoint"):
        if (candidate / "config.json").is_file():
            return candidate
    raise InputError(
        f"{folder}: no config.json here or in {folder / 'checkpoint'}; not a checkpoint or a run directory"
    )


@contextmanager
def quiet_progress() -> Generator[None]:
    """Switch transformers' progress bars off for a while: geomem shows its own."""
    from transformers.utils import logging

    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()


def _check_type(folder: Path) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    from geomem.models.node2vec import MODEL_TYPE

    place = folder / "config.json"
    try:
        config: Any = json.loads(place.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{place}: cannot be read as JSON: {error}") from None
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(model_type, str):
        raise InputError(f"{place}: no 'model_type'; not a Hugging Face configuration")
    if model_type == MODEL_TYPE:
        raise InputError(
            f"{folder}: holds node2vec vectors, not a sequence model; open it with Node2Vec.from_pretrained"
        )
    if model_type not in CONFIG_MAPPING:
        if "auto_map" in config:
            raise InputError(
                f"{place}: model type '{model_type}' needs code from the checkpoint, which geomem never runs"
            )
        raise unknown_name("model type", model_type, CONFIG_MAPPING.keys())


def _check_weights(folder: Path) -> None:
    if any((folder / name).is_file() for name in SAFE):
        return
    pickles = sorted(found.name for pattern in PICKLES for found in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{folder / pickles[0]}: is a pickle, which can run code when opened; convert it to safetensors first"
        )
    raise InputError(f"{folder}: has a config.json but no model.safetensors")
