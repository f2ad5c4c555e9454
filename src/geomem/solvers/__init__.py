"""Solvers: they find the point, or follow the path, that a theory speaks of."""
