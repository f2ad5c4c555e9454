"""geomem: a laboratory for the geometry of memory in sequence models.

Importing it is cheap (no torch, no transformers), and makes `transformers.AutoModelForCausalLM` open geomem's own
checkpoints, whichever of the two is imported first.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from geomem._autoload import register_with_transformers

try:
    __version__ = version("geomem")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

register_with_transformers()
