"""Papers as executable studies: their claims, their experiments, and verdicts computed from what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomem.registry import Registry

if TYPE_CHECKING:
    from geomem.studies.study import Study

STUDIES: Registry[Study] = Registry(
    "study",
    {
        "algorithmic-creativity": (
            "geomem.studies.algorithmic_creativity.study:STUDY",
            "new combinations: what objectives, seeds and temperature do to creativity (arXiv 2504.15266)",
        ),
        "attention-sinks": (
            "geomem.studies.attention_sinks.study:STUDY",
            "tokens that draw attention and norm, and what they do to measurements (arXiv 2512.22213)",
        ),
        "catch-your-breath": (
            "geomem.studies.catch_your_breath.study:STUDY",
            "a model that may ask for more time: where does it ask? (arXiv 2510.13879)",
        ),
        "deep-linear-dynamics": (
            "geomem.studies.deep_linear_dynamics.study:STUDY",
            "in what order a deep linear network learns, in closed form (arXiv 1312.6120)",
        ),
        "depth-efficiency": (
            "geomem.studies.depth_efficiency.study:STUDY",
            "do language models use their depth? (arXiv 2505.13898)",
        ),
        "geometric-memory": (
            "geomem.studies.geometric_memory.study:STUDY",
            "sequence models told single edges of a graph draw a map of it (arXiv 2510.26745)",
        ),
        "joint-vs-conditional": (
            "geomem.studies.joint_vs_conditional.study:STUDY",
            "do logits hold the joint probability of context and token? spilled energy (arXiv 2602.18671)",
        ),
        "implicit-geometry-ntp": (
            "geomem.studies.implicit_geometry_ntp.study:STUDY",
            "what may follow a context decides where its vector points (arXiv 2408.15417)",
        ),
        "layer-skipping": (
            "geomem.studies.layer_skipping.study:STUDY",
            "which layers can be left out, and how far back a prediction looks (arXiv 2603.07475)",
        ),
        "layer-updates": (
            "geomem.studies.layer_updates.study:STUDY",
            "how much of what a block writes is a function of the token alone (arXiv 2604.02459)",
        ),
        "linguistic-collapse": (
            "geomem.studies.linguistic_collapse.study:STUDY",
            "do states with one next token gather round one point in training? (arXiv 2405.17767)",
        ),
        "logit-low-rank": (
            "geomem.studies.logit_low_rank.study:STUDY",
            "what follows one prompt is a combination of what follows others (arXiv 2510.24966)",
        ),
        "objectives-and-geometry": (
            "geomem.studies.objectives_and_geometry.study:STUDY",
            "which training objectives make memory a map, and which a look-up table",
        ),
        "pause-tokens": (
            "geomem.studies.pause_tokens.study:STUDY",
            "pauses before the answer, in pre-training, in fine-tuning or in both (arXiv 2310.02226)",
        ),
        "pitfalls-ntp": (
            "geomem.studies.pitfalls_ntp.study:STUDY",
            "next-token training learns to follow a path and not to plan it (arXiv 2403.06963)",
        ),
        "representation-comparison": (
            "geomem.studies.representation_comparison.study:STUDY",
            "what similarities of representations say from few stimuli and units (arXiv 1911.07986)",
        ),
        "representation-phases": (
            "geomem.studies.representation_phases.study:STUDY",
            "effective rank collapses, spreads and is compressed in training (arXiv 2509.23024)",
        ),
        "softmax-bottleneck": (
            "geomem.studies.softmax_bottleneck.study:STUDY",
            "what a softmax over few dimensions cannot say, and what mixes out of it (arXiv 1711.03953)",
        ),
    },
)
