"""Interventions: change what a model computes while a context is open, then measure again. They take modules."""
