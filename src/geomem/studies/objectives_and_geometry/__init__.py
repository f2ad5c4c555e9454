"""Which objectives make a model's memory geometric and which associative: a study of geomem's own."""
