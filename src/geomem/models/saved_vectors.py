"""Save and open word-vector models: a config.json that names them and one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomem.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

CONFIG, WEIGHTS = "config.json", "model.safetensors"

VECTOR_MODELS = {
    "geomem-node2vec": "Node2Vec",
    "geomem-unconstrained-features": "UnconstrainedFeatures",
    "geomem-deep-linear": "DeepLinear",
}
"""Model types without a sequence axis, and the class whose `from_pretrained` opens each."""


def save_vectors(module: nn.Module, folder: str | Path, config: dict[str, Any]) -> None:
    """Write `config`, which names the `model_type`, and the weights of `module` into `folder`."""
    from safetensors.torch import save_file

    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tensors = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
    save_file(tensors, path / WEIGHTS, metadata={"format": "pt"})


def open_vectors(folder: str | Path, model_type: str) -> dict[str, Tensor]:
    """Return the weights that `save_vectors` wrote. Raises InputError when they lack or are another's."""
    from safetensors.torch import load_file

    path = Path(folder)
    if not (path / CONFIG).is_file() or not (path / WEIGHTS).is_file():
        raise InputError(f"{path}: no {CONFIG} and {WEIGHTS} here")
    found = json.loads((path / CONFIG).read_text(encoding="utf-8")).get("model_type")
    if found != model_type:
        raise InputError(f"{path}: holds a model of type '{found}', not '{model_type}'")
    return load_file(path / WEIGHTS)
