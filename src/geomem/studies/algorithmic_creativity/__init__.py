"""Creativity on open-ended algorithmic tasks (arXiv 2504.15266): objectives, seeds and temperature."""
