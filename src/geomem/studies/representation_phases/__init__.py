"""The study `representation-phases`: how the spectrum of representations changes in training (arXiv 2509.23024)."""
