"""Logits of histories and futures are nearly of low rank (arXiv 2510.24966)."""
