"""The study `attention-sinks`: primary and secondary attention sinks, and what they do to measurements (2512.22213)."""
