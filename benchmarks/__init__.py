"""Speed and memory of geomem, each beside a peer in the same process run: `python -m benchmarks [NAME...]`."""

from __future__ import annotations

BENCHMARKS: dict[str, tuple[str, str]] = {
    "steps": ("benchmarks.steps", "training steps against the same model and data under the Hugging Face Trainer"),
    "vectors": ("benchmarks.vectors", "Node2Vec, full softmax, against gensim's walks and negative sampling"),
    "eigen": ("benchmarks.eigen", "eigen-projections against dense numpy, and at 50 001 nodes where dense cannot run"),
    "peak": ("benchmarks.peak", "the share of the machine's matrix-product peak that training reaches"),
    "memory": ("benchmarks.memory", "peak memory of training, against the Trainer"),
    "probe": ("benchmarks.probe", "all layers of a 12-layer model in one pass, against hidden states kept and numpy"),
    "contexts": (
        "benchmarks.contexts",
        "the context matrix of 11.7 MB of real text, against a plain Python dictionary",
    ),
    "logit-matrix": ("benchmarks.logit_matrix", "extended logit matrices from shared caches, against every pair anew"),
    "ntp-svm": ("benchmarks.ntp_svm", "least nuclear norm under support margins, against CVXPY with its solvers"),
    "decoding": ("benchmarks.decoding", "answers to 256 prompts against model.generate of transformers"),
    "training-step": (
        "benchmarks.training_step",
        "steps on path-stars in the prompt against a GPT-2 of transformers under the Hugging Face Trainer",
    ),
    "examples": ("benchmarks.examples", "examples of tasks, against a plain Python generator of the same ones"),
    "star-1000": ("benchmarks.star_1000", "G(1000,5) from nothing to half of the held-out first hops"),
    "path-share": ("benchmarks.path_share", "how the share of the path loss decides what G(1000,5) learns"),
    "star-5000": ("benchmarks.star_5000", "G(5000,5), 20 001 nodes, from nothing to half of the held-out first hops"),
}
"""Name -> module with `run(quick)`, which yields rows, and `FIELDS`, the keys of every row; and what it measures."""

LONG = ("star-5000",)
"""Run only when named: takes more than ten minutes."""
