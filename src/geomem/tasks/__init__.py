"""Tasks: knowledge stated as token sequences, and how well a model knows it. This is the list of them."""

from __future__ import annotations

from geomem.registry import Registry
from geomem.spec import Spec

TASKS: Registry[type[Spec]] = Registry(
    "task",
    {
        "in-weights-edges": (
            "geomem.tasks.specs:InWeightsEdgesSpec",
            "the edges of one graph, stored in the weights: 'u is followed by v'",
        ),
        "in-weights-path": (
            "geomem.tasks.specs:InWeightsPathSpec",
            "edges of one graph in the weights, and from a leaf the path that leads to it; a quarter held out",
        ),
        "in-context-path": (
            "geomem.tasks.specs:InContextPathSpec",
            "a fresh path-star in every prompt, and the path from its root to a goal",
        ),
        "text": (
            "geomem.tasks.specs:TextSpec",
            "the next token of a real text: two novels that come with geomem, or any file",
        ),
        "cloze": (
            "geomem.tasks.specs:ClozeSpec",
            "masked tokens of a real text, filled in from both sides",
        ),
        "contexts": (
            "geomem.tasks.specs:ContextsSpec",
            "what follows each distinct context of a text, with soft labels: a text, or counts that were saved",
        ),
        "lookup": (
            "geomem.tasks.specs:LookupSpec",
            "the value of one key of a table that the prompt states, several pairs a token",
        ),
        "easy-hard": (
            "geomem.tasks.specs:EasyHardSpec",
            "targets that follow a rule, must be looked up far back, or are noise",
        ),
        "markov": (
            "geomem.tasks.specs:MarkovSpec",
            "sequences of a Markov source of order 2 whose every probability is known",
        ),
        "sibling-discovery": (
            "geomem.tasks.open_ended_specs:SiblingDiscoverySpec",
            "two children of one parent and the parent, new ones: families in the weights, outputs sampled",
        ),
        "triangle-discovery": (
            "geomem.tasks.open_ended_specs:TriangleDiscoverySpec",
            "the sides of new triangles of a graph whose edges and triangles are in the weights",
        ),
        "circle-construction": (
            "geomem.tasks.open_ended_specs:CircleConstructionSpec",
            "the edges of a circle through some entities in a new pattern, outputs sampled",
        ),
        "line-construction": (
            "geomem.tasks.open_ended_specs:LineConstructionSpec",
            "the edges of a path through some entities in a new pattern, outputs sampled",
        ),
    },
)
