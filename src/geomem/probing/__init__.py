"""Probing: the geometry of any checkpoint on disk, in one pass over a text. `probe` is the door from Python.

This folder file holds only the registry, so that listing the families of measurements costs no import of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geomem.registry import Registry

if TYPE_CHECKING:
    from geomem.probing.api import probe

_HERE = "geomem.probing.families"

PROBES: Registry[type[Any]] = Registry(
    "probe",
    {
        "spectrum": (f"{_HERE}.spectrum:Spectra", "effective rank, power law, anisotropy and dimension of every layer"),
        "collapse": (f"{_HERE}.collapse:Collapse", "do states with one next token gather round one point?"),
        "updates": (f"{_HERE}.updates:Updates", "how much every block writes, and in which direction"),
        "lens": (f"{_HERE}.lens:Lens", "logit lens: how far each layer's own guess is from the final one"),
        "attention": (f"{_HERE}.attention:Sinks", "attention sinks, found from hidden states or attention weights"),
        "comparison": (f"{_HERE}.comparison:Comparison", "how alike are the layers, and the layers of two models?"),
        "recency": (f"{_HERE}.recency:Recency", "are neighbouring tokens more alike than distant ones?"),
        "plan": (f"{_HERE}.interventions:Plan", "which blocks can be left out, checked by running without them"),
        "skips": (f"{_HERE}.interventions:Skips", "what skipping a block does to later blocks and tokens (slow)"),
        "erasure": (
            f"{_HERE}.interventions:Erasure",
            "what erasing one place of the stream does to predictions (slow)",
        ),
        "decomposition": (
            f"{_HERE}.interventions:Decomposition",
            "how much of a block's update is a function of the token alone (slow)",
        ),
        "maps": (f"{_HERE}.maps:Maps", "linear maps between the layers of two models with one tokenizer (slow)"),
        "knowledge": (f"{_HERE}.knowledge:Knowledge", "with a graph: do distances between names follow the graph?"),
        "contexts": (
            f"{_HERE}.contexts:ContextGeometry",
            "with a context matrix: predictions and states beside what was counted after each context",
        ),
    },
)

ORDER = (
    "spectrum", "collapse", "updates", "lens", "attention", "comparison", "recency", "plan", "skips", "erasure",
    "decomposition", "maps", "knowledge", "contexts",
)  # fmt: skip
"""The families as the page shows them."""

STREAMING = ORDER[:7]
"""Families that share one forward pass over the text; the others run the model for themselves."""

DEFAULT = (*STREAMING, "plan", "knowledge", "contexts")
"""What is measured when nothing is asked for: a first true picture in minutes."""

__all__ = ["DEFAULT", "ORDER", "PROBES", "STREAMING", "probe"]


def __getattr__(name: str) -> Any:
    """Import `probe` when it is asked for: it needs torch."""
    if name == "probe":
        from geomem.probing.api import probe

        return probe
    raise AttributeError(f"module 'geomem.probing' has no attribute {name!r}")
