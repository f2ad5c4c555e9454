"""LinGen: text from a fixed linear combination of other prompts' logits (arXiv 2510.24966)."""

from __future__ import annotations
