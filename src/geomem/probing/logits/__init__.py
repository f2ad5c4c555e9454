"""Extended logit matrices of histories and futures (arXiv 2510.24966), from any source of next-token logits."""

from __future__ import annotations
