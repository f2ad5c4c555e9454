"""Solvers for the objects of next-token theory: exact gradient descent, regularisation paths, margin problems."""
