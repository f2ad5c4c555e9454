"""The study `linguistic-collapse`: do a language model's states gather by next token? (arXiv 2405.17767)."""
