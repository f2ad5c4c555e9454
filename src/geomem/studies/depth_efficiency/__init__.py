"""The study `depth-efficiency`: do language models use their depth? (arXiv 2505.13898)."""
