"""How a model is asked: sampling, generation with a cache, and a reader for every way of training."""
