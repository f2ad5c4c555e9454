"""Think before you speak: pause tokens in pre-training and in fine-tuning (arXiv 2310.02226)."""
