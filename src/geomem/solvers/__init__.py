"""Solvers: optima, floors and exact trajectories of the objectives that next-token training has."""
