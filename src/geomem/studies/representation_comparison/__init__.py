"""The study `representation-comparison`: what similarities say from few stimuli and units (arXiv 1911.07986)."""
