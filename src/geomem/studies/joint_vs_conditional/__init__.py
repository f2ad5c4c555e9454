"""The study `joint-vs-conditional`: do logits hold the joint probability of context and token? (arXiv 2602.18671)."""
