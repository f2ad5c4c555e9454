"""The study `layer-updates`: how much of what a block writes is a function of the token alone (arXiv 2604.02459)."""
