"""One training loop for every sequence model, its schedule and its checkpoints; nothing about any one paper."""
