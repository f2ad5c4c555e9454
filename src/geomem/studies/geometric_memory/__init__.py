"""The study `geometric-memory`: sequence models told single edges of a graph draw a map of it (arXiv 2510.26745)."""
