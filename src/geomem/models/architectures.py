"""Any causal architecture of `transformers` by its model type, with a small configuration and no download."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from geomem.errors import InputError, nearest, unknown_name

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from geomem.models.specs import ArchitectureSpec

COMMON = frozenset(
    {"gpt2", "gpt_neox", "llama", "qwen2", "qwen3", "olmo", "olmo2", "gemma", "gemma2", "mistral", "phi", "stablelm"}
    | {"opt", "bloom", "falcon", "mamba"}
)
"""Names accepted without asking transformers, whose import takes seconds."""
WIDTHS_OF_MLP = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
"""What architectures call the hidden width of their MLP."""
NOT_DROPOUT = ("layerdrop", "classifier_dropout", "summary_first_dropout")


def check_architecture(name: str) -> str:
    """Return `name` if transformers has such a causal model type; else raise InputError with the nearest."""
    if name in COMMON:
        return name
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    known = [str(key) for key in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES]
    if name in known:
        return name
    if nearest(name, known) is None:
        raise InputError(
            f"unknown architecture '{name}'; any causal model type of transformers, such as {', '.join(sorted(COMMON))}"
        )
    raise unknown_name("architecture", name, known)


def build_architecture(spec: ArchitectureSpec, vocab_size: int) -> PreTrainedModel:
    """Make the model that `spec` describes: float32, sdpa attention where there is one, random weights.

    Raises InputError for a setting that the architecture does not have or refuses.
    """
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from transformers.models.auto.configuration_auto import AutoConfig
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    silence_kernel_notes()
    default = AutoConfig.for_model(spec.architecture)
    values = {**_common_settings(spec, vocab_size, default), **_own_settings(spec, default)}
    try:
        config = AutoConfig.for_model(spec.architecture, **values)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError, StrictDataclassError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"architecture '{spec.architecture}' refuses these settings: {reason}") from error
    most = int(getattr(config, "max_position_embeddings", 0) or 0)
    tokens = model.get_input_embeddings()
    # OPT's table has two rows more than it has positions.
    if any(isinstance(one, torch.nn.Embedding) and one is not tokens and one.num_embeddings in (most, most + 2)
           for one in model.modules()):  # fmt: skip
        model.register_forward_pre_hook(partial(refuse_longer, most), with_kwargs=True)
    return cast("PreTrainedModel", model)


def refuse_longer(most: int, model: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Raise InputError for a sequence behind the last of `most` learned positions (a hook before the forward pass).

    The architecture itself looks beyond its table: an IndexError on the CPU, and on a GPU the end of the process.
    """
    tokens, positions = options.get("input_ids", args[0] if args else None), options.get("position_ids")
    if tokens is None or tokens.shape[1] <= most:
        return
    if positions is None or int(positions.max()) >= most:
        raise InputError(f"a sequence of {tokens.shape[1]} tokens is longer than max_positions = {most}")


def silence_kernel_notes() -> None:
    """Keep transformers from telling, for every state-space model, that its CUDA kernels are not installed.

    On a CPU they cannot be, and nothing is wrong. Adding the same filter twice has no effect.
    """
    logging.getLogger("transformers.integrations.hub_kernels").addFilter(_is_not_kernel_note)


def _is_not_kernel_note(record: logging.LogRecord) -> bool:
    return "falling back to its reference" not in record.getMessage()


def _common_settings(spec: ArchitectureSpec, vocab_size: int, default: PreTrainedConfig) -> dict[str, Any]:
    """Translate the settings that all architectures share into this one's names, leaving out what it lacks."""
    fields = settings_of(default)
    heads_divide = spec.width % spec.heads == 0
    wanted: dict[str, Any] = {
        "vocab_size": vocab_size,
        "hidden_size": spec.width,
        "num_hidden_layers": spec.layers,
        "num_attention_heads": spec.heads,
        "num_key_value_heads": spec.heads,
        "head_dim": spec.width // spec.heads,
        "max_position_embeddings": spec.max_positions,
        "tie_word_embeddings": spec.tied,
        # Their defaults are ids of the architecture's own tokenizer; a padding id would also zero that node's vector.
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    renamed = {default.attribute_map.get(name, name): value for name, value in wanted.items()}
    if default.attribute_map.get("num_attention_heads", "num_attention_heads") in fields and not heads_divide:
        raise InputError(f"width {spec.width} does not divide by heads {spec.heads}; try heads: 1, 2, 4 or 8")
    mlp = next((name for name in WIDTHS_OF_MLP if name in fields), None)
    if mlp is not None:
        renamed[mlp] = spec.mlp_width or 4 * spec.width
    elif spec.mlp_width is not None:
        raise InputError(f"mlp_width: architecture '{spec.architecture}' has no such setting")
    for name in fields:
        if ("drop" in name) and name not in NOT_DROPOUT and isinstance(getattr(default, name, None), (int, float)):
            renamed[name] = spec.dropout
    return {name: value for name, value in renamed.items() if name in fields}


def _own_settings(spec: ArchitectureSpec, default: PreTrainedConfig) -> dict[str, Any]:
    """Check `spec.config`. Raises InputError for a key the architecture does not have, with the nearest."""
    fields = settings_of(default)
    known = fields | set(default.attribute_map)
    for key in spec.config:
        if key not in known:
            guess = nearest(key, known)
            hint = f"did you mean '{guess}'?" if guess else f"it has: {', '.join(sorted(fields))}"
            raise InputError(f"config.{key}: architecture '{spec.architecture}' has no such setting; {hint}")
    return {default.attribute_map.get(key, key): value for key, value in spec.config.items()}


def settings_of(config: PreTrainedConfig) -> set[str]:
    """Return the names that the configuration class can be made with."""
    if dataclasses.is_dataclass(config):
        return {field.name for field in dataclasses.fields(config)}
    return set(inspect.signature(type(config).__init__).parameters) - {"self", "kwargs"}
