"""Where next-token learning fails to plan (arXiv 2403.06963)."""
