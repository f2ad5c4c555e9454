"""The study `layer-skipping`: which layers can be left out, and how far back a prediction looks (arXiv 2603.07475)."""
