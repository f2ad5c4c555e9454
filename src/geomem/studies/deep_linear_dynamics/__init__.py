"""Exact learning dynamics of deep linear networks as a study (arXiv 1312.6120, 1810.10531)."""
