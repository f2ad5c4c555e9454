"""Contexts: every distinct context of a text or a task, and the sparse distribution of what follows each."""
