"""Measurements of what was learned: pure functions on tensors, and streaming metrics where the data is large.

This folder file holds only the registry, so that listing measurements costs no import of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.registry import Registry

if TYPE_CHECKING:
    from geomem.geometry.measurement import Measurement

_HERE = "geomem.geometry"

MEASUREMENTS: Registry[Measurement] = Registry(
    "measurement",
    {
        "top-degree-recovery": (
            f"{_HERE}.memorisation:TOP_DEGREE_RECOVERY",
            "share of each node's neighbours among its most likely next tokens",
        ),
        "dot-product-recovery": (
            f"{_HERE}.memorisation:DOT_PRODUCT_RECOVERY",
            "share of edges whose target has one of the largest dot products (word-vector models)",
        ),
        "edge-fit": (
            f"{_HERE}.memorisation:EDGE_FIT",
            "cross-entropy and arg-max accuracy over edges, with their limits",
        ),
        "cosine-level": (f"{_HERE}.cosine:COSINE_LEVEL", "mean cosine of the embeddings of neighbours"),
        "leaf-first-hop": (f"{_HERE}.paths:LEAF_FIRST_HOP", "is a leaf's nearest first hop that of its own path?"),
        "family-separation": (
            f"{_HERE}.families:FAMILY_SEPARATION",
            "does what belongs to one family lie together, apart from the others?",
        ),
        "path-distance": (f"{_HERE}.paths:PATH_DISTANCE", "embedding distance within a path against between paths"),
        "eigen-energy": (f"{_HERE}.energy:EIGEN_ENERGY", "Fiedler energy and zig-zag energy of the embeddings"),
        "eigen-concentration": (
            f"{_HERE}.graph_spectrum:EIGEN_CONCENTRATION",
            "how many graph eigen-directions hold nine tenths of the embeddings",
        ),
        "skewed-low-rank": (
            f"{_HERE}.lowrank:SKEWED_LOW_RANK",
            "does the stored matrix live on the embeddings' own directions? (the geometric margin)",
        ),
        "hop-distance": (f"{_HERE}.distance:HOP_DISTANCE", "rank correlation of embedding distance and hop distance"),
        "map-recovery": (
            f"{_HERE}.procrustes:MAP_RECOVERY",
            "fit of the embeddings to the true coordinates of the nodes",
        ),
        "node2vec-stationarity": (
            f"{_HERE}.node2vec_theory:NODE2VEC_STATIONARITY",
            "how far Node2Vec's coefficient matrix annihilates the embeddings",
        ),
        "entropy-gap": (
            f"{_HERE}.next_token_measurements:ENTROPY_GAP",
            "next-token loss above the entropy of what follows each context",
        ),
        "finite-part": (
            f"{_HERE}.next_token_measurements:FINITE_PART",
            "are the log-odds of the frequencies in the logits? (the finite part)",
        ),
        "support-direction": (
            f"{_HERE}.next_token_measurements:SUPPORT_DIRECTION",
            "do logits point along the 0/1 pattern of what may follow? (the growing part)",
        ),
        "subspace-collapse": (
            f"{_HERE}.next_token_measurements:SUBSPACE_COLLAPSE",
            "do contexts that allow the same next tokens point one way?",
        ),
        "storage": (f"{_HERE}.storage:STORAGE", "bits and norm that either memory needs for this graph"),
    },
)
