"""Open any checkpoint on this machine as a causal or masked language model. Nothing is downloaded unless asked."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError, unknown_name
from geomem.fetch.gguf import read_model
from geomem.models.places import CONFIG, HUB_ID, find_checkpoint
from geomem.models.weights import check_finite, check_memory, weight_files

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["check_finite", "download_checkpoint", "find_checkpoint", "open_checkpoint", "quiet_progress"]

DOWNLOADED = ("*.safetensors", "*.json", "*.model", "merges.txt", "vocab.txt")
"""What is taken from the hub: weights, configuration, tokenizer; no pickles and no code."""


def open_checkpoint(path: str | Path, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """Open what `path` means (see `find_checkpoint`) in `dtype` (float32 if not given), ready to evaluate.

    The model has an output layer when the checkpoint was saved with one for predicting next or masked tokens; a bare
    encoder or decoder comes without, and so does one saved with another head.

    Raises InputError when there is no such place or configuration; when the weights are a pickle (which can run code
    on loading), are damaged, do not fill the model or do not fit in memory; when GGUF cannot be read; and for unknown
    architectures: code that comes with a checkpoint is never run.
    """
    import torch

    from geomem.models.architectures import silence_kernel_notes

    place = find_checkpoint(path)
    wanted = dtype or torch.float32
    silence_kernel_notes()
    if place.is_file():
        with quiet_progress():
            return read_model(place, wanted)
    _check_type(place)
    weight_files(place)
    check_memory(place, wanted)
    return _load(_auto_class(place), place, wanted)


def download_checkpoint(model: str) -> Path:
    """Download a model of the hub, such as 'org/name', into the Hugging Face cache and return its folder.

    Only safetensors, configuration and tokenizer files are taken. Raises InputError for what is no hub id, is not
    there, may not be read, or when the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    if not HUB_ID.fullmatch(model):
        raise InputError(f"--download: '{model}' is no hub id; they look like 'org/name'")
    try:
        return Path(snapshot_download(model, allow_patterns=list(DOWNLOADED), ignore_patterns=["*/*"]))
    except GatedRepoError:
        raise InputError(f"{model}: its owners ask for consent on the hub; log in there first, then download") from None
    except RepositoryNotFoundError:
        raise InputError(f"{model}: the hub has no such model, or it is private") from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(f"{model}: cannot be downloaded: {_one_line(error)}") from None


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


def _load(auto: Any, place: Path, dtype: torch.dtype) -> PreTrainedModel:
    from safetensors import SafetensorError

    with quiet_progress():
        try:
            loaded = auto.from_pretrained(
                place,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except MemoryError:
            raise InputError(f"{place}: out of memory while opening it") from None
        except (SafetensorError, OSError, ValueError, RuntimeError, TypeError, KeyError, ImportError) as error:
            if "allocate memory" in str(error) or "out of memory" in str(error):
                raise InputError(f"{place}: out of memory while opening it: {_one_line(error)}") from None
            raise InputError(f"{place}: cannot be opened: {_one_line(error)}") from error
    model, info = cast("tuple[PreTrainedModel, dict[str, Any]]", loaded)
    # Transformers fills what is missing with random numbers and only warns; measuring those would be nonsense.
    # An encoder's pooler is not part of what is measured.
    missing = sorted(name for name in map(str, info["missing_keys"]) if not name.startswith("pooler."))
    if missing:
        raise InputError(f"{place}: the weights lack {len(missing)} tensor(s) of the model, such as '{missing[0]}'")
    return model


def _auto_class(folder: Path) -> Any:
    """Return the auto class for what was saved: with an output layer for next or masked tokens, or without one.

    Raises InputError for architectures that are neither causal nor masked language models.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers.models.auto import configuration_auto, modeling_auto

    try:
        config: PreTrainedConfig = configuration_auto.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (StrictDataclassError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise InputError(f"{folder / CONFIG}: cannot be opened: {_one_line(error)}") from error
    causal = type(config) in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING
    masked = type(config) in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING
    if not (causal or masked) or getattr(config, "is_encoder_decoder", False):
        raise InputError(f"{folder}: cannot be opened: '{config.model_type}' is not a causal or masked language model")
    saved = (config.architectures or [""])[0]
    if masked and (saved.endswith(("ForMaskedLM", "ForPreTraining")) or (not saved and not _decodes(config))):
        return modeling_auto.AutoModelForMaskedLM
    if causal and (not saved or saved in _causal_names(config)):
        return modeling_auto.AutoModelForCausalLM
    return modeling_auto.AutoModel


def _decodes(config: PreTrainedConfig) -> bool:
    return bool(getattr(config, "is_decoder", False))


def _causal_names(config: PreTrainedConfig) -> set[str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    found: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    return {kind.__name__ for kind in (found if isinstance(found, tuple) else (found,))}


def _check_type(folder: Path) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    from geomem.models.saved_vectors import VECTOR_MODELS

    place = folder / CONFIG
    try:
        config: Any = json.loads(place.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{place}: cannot be read as JSON: {error}") from None
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(model_type, str):
        raise InputError(f"{place}: no 'model_type'; not a Hugging Face configuration")
    if model_type in VECTOR_MODELS:
        name = model_type.removeprefix("geomem-")
        opener = f"{VECTOR_MODELS[model_type]}.from_pretrained"
        raise InputError(f"{folder}: holds {name} vectors, not a sequence model; open it with {opener}")
    if (folder / "adapter_config.json").is_file():
        raise InputError(f"{folder}: holds a PEFT adapter; merge it into its model (merge_and_unload) and save that")
    if config.get("transformers_weights"):
        raise InputError(f"{place}: 'transformers_weights' names a weight file of its own; name it model.safetensors")
    if model_type not in CONFIG_MAPPING:
        if "auto_map" in config:
            raise InputError(
                f"{place}: model type '{model_type}' needs code from the checkpoint, which geomem never runs"
            )
        raise unknown_name("model type", model_type, CONFIG_MAPPING.keys())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
