"""The softmax bottleneck (arXiv 1711.03953) and negative sampling as a factorisation (Levy and Goldberg 2014)."""
