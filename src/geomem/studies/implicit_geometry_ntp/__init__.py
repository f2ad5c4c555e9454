"""Implicit geometry of next-token prediction (arXiv 2408.15417): what may follow a context decides its vector."""
