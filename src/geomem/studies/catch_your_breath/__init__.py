"""The study `catch-your-breath`: a model that may ask for more time (arXiv 2510.13879)."""
