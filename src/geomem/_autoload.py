"""Make transformers' Auto classes know geomem's models, without importing either torch or transformers here.

The registration has to happen inside transformers, and importing transformers takes seconds that `geomem --help` must
not cost. So it waits: `wrapt` runs the functions below when the module that each names gets imported, or at once if it
has been already.

A model class is registered by a hook on *its own* module, not by the hook on transformers: transformers can be in the
middle of being imported by one of our modules when its Auto classes appear, and the class would not exist yet.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import wrapt

MODULES = {
    "geomem.models.transformer": ("GeomemTransformerConfig", "GeomemTransformerForCausalLM"),
    "geomem.models.linear": ("GeomemLinearConfig", "GeomemLinearForCausalLM"),
    "geomem.models.mamba": ("GeomemMambaConfig", "GeomemMambaForCausalLM"),
}
"""Where our models live: module -> (configuration class, model class)."""


def register_with_transformers() -> None:
    """Arrange for `AutoConfig` and `AutoModelForCausalLM` to know our model types. Safe to call again."""
    wrapt.register_post_import_hook(_register_configs, "transformers.models.auto.configuration_auto")
    wrapt.register_post_import_hook(_import_models, "transformers.models.auto.modeling_auto")
    for name in MODULES:
        wrapt.register_post_import_hook(_register_model, name)


def _register_configs(_: ModuleType) -> None:
    from transformers.models.auto.configuration_auto import AutoConfig

    configs = importlib.import_module("geomem.models.configs")
    for config_name, _model_name in MODULES.values():
        config = getattr(configs, config_name)
        AutoConfig.register(config.model_type, config, exist_ok=True)


def _import_models(_: ModuleType) -> None:
    for name in MODULES:
        importlib.import_module(name)


def _register_model(module: ModuleType) -> None:
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    config_name, model_name = MODULES[module.__name__]
    AutoModelForCausalLM.register(getattr(module, config_name), getattr(module, model_name), exist_ok=True)
