"""The experiments: their cells, their pictures, and how many seeds."""

from __future__ import annotations

from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory import headline, others, tiny
from geomem.studies.geometric_memory.pictures import country_map, leaf_heat_map, star_map, tiny_pictures
from geomem.studies.geometric_memory.predicates import EXACT, FIRST_HOP, RECOVERY
from geomem.studies.seed_pictures import final_bars, over_time, together
from geomem.studies.study import Experiment, ScaleName

THREE: dict[ScaleName, int] = {"smoke": 1, "laptop": 3, "paper": 3}
TWO: dict[ScaleName, int] = {"smoke": 1, "laptop": 2, "paper": 3}
ONE: dict[ScaleName, int] = {"smoke": 1, "laptop": 1, "paper": 1}


def _star_chance(evidence: Evidence) -> float:
    return 1 / evidence.settings.path_star.arms


def _ablation_chance(evidence: Evidence) -> float:
    return 1 / evidence.settings.ablation_arms


TRAINED = {"trained": "embeddings trained", "frozen": "embeddings frozen"}

EXPERIMENTS = (
    Experiment(
        "countries",
        "country borders: a map from facts",
        "161 countries, 319 borders, told one by one; does the embedding know where a country lies?",
        others.countries,
        together(
            country_map,
            over_time(
                "countries-r2",
                "How well the true place can be read off",
                "Held-out R² of a linear fit, over countries the fit never saw. Band: range over seeds.",
                "map-recovery/ridge_r2",
                TRAINED,
                label="held-out R²",
                percent=False,
                order=2,
            ),
        ),
        THREE,
        headline=True,
    ),
    Experiment(
        "path-finding",
        "the first hop of held-out leaves",
        "Edges, then edges with the first hop of three quarters of the leaves; the rest is held out.",
        headline.path_finding,
        together(
            over_time(
                "path-finding-accuracy",
                "Finding the first hop from leaves never asked about",
                "Share of held-out leaves answered right, among all tokens. Band: range over seeds.",
                FIRST_HOP,
                TRAINED,
                label="held-out first hops right",
                chance=_star_chance,
            ),
            over_time(
                "path-finding-train",
                "The same on training leaves",
                "The frozen network answers what it was told and nothing else.",
                "paths/train/first_hop",
                TRAINED,
                label="training first hops right",
                chance=_star_chance,
                order=1,
            ),
            leaf_heat_map,
        ),
        THREE,
        headline=True,
    ),
    Experiment(
        "edges-only",
        "global geometry from edges alone",
        "Only single edges of a path-star; is each leaf nearest to its own first hop?",
        headline.edges_only,
        together(
            over_time(
                "edges-only-retrieval",
                "Leaves whose nearest first hop is their own",
                "By cosine of token embeddings, among all first hops, over held-out leaves.",
                "leaf-first-hop/held_out_retrieval",
                TRAINED,
                label="retrieval",
                chance=_star_chance,
            ),
            leaf_heat_map,
            star_map,
        ),
        THREE,
        headline=True,
    ),
    Experiment(
        "tiny-graphs",
        "four tiny graphs, five models",
        "Transformer, feed-forward net, look-up memories and Node2Vec, on edges alone.",
        tiny.tiny_graphs,
        together(
            tiny_pictures(
                {"TinyGPT": "Transformer", "TinyNN": "feed-forward", "Node2Vec": "Node2Vec", "associative": "look-up"}
            ),
            over_time(
                "emergence-recovery",
                "When the edges are stored (15-cycle)",
                "Share of each node's neighbours among its most likely next tokens.",
                RECOVERY,
                {
                    "cycle-TinyGPT": "Transformer",
                    "cycle-TinyNN": "feed-forward",
                    "cycle-associative": "look-up",
                    "cycle-associative-fast": "look-up, wide",
                },
                label="neighbours recovered",
                order=100,
                log_x=True,
            ),
            over_time(
                "emergence-fiedler",
                "When the geometry appears (15-cycle)",
                "Share of the embeddings' non-trivial energy on the Fiedler block.",
                "eigen-energy/fiedler",
                {"cycle-TinyGPT": "Transformer", "cycle-TinyNN": "feed-forward", "cycle-Node2Vec": "Node2Vec"},
                label="Fiedler energy",
                order=101,
                log_x=True,
            ),
            over_time(
                "emergence-cosine",
                "Alignment of neighbours (15-cycle)",
                "The cosine level rises before the edges are stored, so that alone it misleads early in training.",
                "cosine-level/level",
                {"cycle-TinyGPT": "Transformer", "cycle-TinyNN": "feed-forward", "cycle-associative": "look-up"},
                label="mean cosine of neighbours",
                percent=False,
                order=102,
                log_x=True,
            ),
        ),
        THREE,
        headline=True,
    ),
    Experiment(
        "full-path",
        "the whole path, from either end",
        "Full-path and reversed targets; which tokens are learned first?",
        others.full_path,
        together(
            over_time(
                "full-path-exact",
                "Whole held-out paths right",
                "Exact match, greedy.",
                EXACT,
                {"full": "root to leaf", "reversed": "leaf to root"},
                label="exact match",
                chance=_ablation_chance,
            ),
            *(
                over_time(
                    f"full-path-position-{k}",
                    f"Hop {k}, teacher-forced",
                    "Accuracy on held-out paths.",
                    f"paths/held_out/forced_{k}",
                    {"full": "root to leaf"},
                    label="accuracy",
                    order=k,
                )
                for k in (1, 2, 3)
            ),
        ),
        THREE,
    ),
    Experiment(
        "directions",
        "which way edges are told",
        "Forward, backward or both directions, for both path directions.",
        others.directions,
        together(
            final_bars(
                "directions-first-hop",
                "First hop from the root",
                "Held-out leaves.",
                FIRST_HOP,
                [f"{one}-hardest" for one in ("forward", "backward", "both")],
                label="held-out first hops right",
                percent=True,
                chance=_ablation_chance,
            ),
            final_bars(
                "directions-reversed",
                "Path from the leaf",
                "Held-out leaves, exact match.",
                EXACT,
                [f"{one}-reversed" for one in ("forward", "backward", "both")],
                label="exact match",
                percent=True,
                chance=_ablation_chance,
                order=1,
            ),
        ),
        TWO,
    ),
    Experiment(
        "pauses",
        "pause tokens",
        "More positions between the question and the answer.",
        others.pauses,
        over_time(
            "pauses-accuracy",
            "Held-out first hops with more pauses",
            "Mean over seeds with their range.",
            FIRST_HOP,
            {f"{one}-pauses": f"{one} pauses" for one in (0, 1, 2, 4, 6, 10)},
            label="held-out first hops right",
            chance=_ablation_chance,
        ),
        THREE,
    ),
    Experiment(
        "tree-star",
        "branching paths",
        "A tree below every child of the root; hold out leaves or whole subtrees.",
        others.tree_star,
        over_time(
            "tree-star-exact",
            "Whole held-out paths right",
            "Exact match, greedy.",
            EXACT,
            {"leaf-split": "leaves held out", "subtree-split": "subtrees held out"},
            label="exact match",
        ),
        TWO,
    ),
    Experiment(
        "staged",
        "edges first, then paths alone",
        "Is what the edges built kept when only paths are trained?",
        others.staged,
        together(
            over_time(
                "staged-exact",
                "Whole held-out paths right",
                "Exact match; the second stage starts where the curves do.",
                EXACT,
                {"paths-only-full": "paths alone", "mixed-full": "edges kept in the mix"},
                label="exact match",
                chance=_ablation_chance,
            ),
            over_time(
                "staged-edges",
                "Edges still known",
                "Share of each node's neighbours among its most likely next tokens.",
                RECOVERY,
                {"paths-only-full": "paths alone", "mixed-full": "edges kept in the mix"},
                label="neighbours recovered",
                order=1,
            ),
        ),
        TWO,
    ),
    Experiment(
        "one-direction",
        "tiny graphs, one direction",
        "Forward edges only, beside both directions.",
        tiny.one_direction,
        tiny_pictures({"both": "both directions", "forward": "forward only"}),
        THREE,
    ),
    Experiment(
        "zigzag",
        "untied outputs, layers in between, self-edges",
        "Neighbours with opposite signs, and what removes them.",
        tiny.zigzag,
        tiny_pictures(
            {
                "TinyNN": "layer in between",
                "TinyNN-self": "with self-edges",
                "untied": "untied Node2Vec",
                "untied-self": "untied, self-edges",
            }
        ),
        TWO,
    ),
    Experiment(
        "knobs",
        "rate, decay, dropout, initialisation",
        "Which memory wins on the 15-cycle.",
        tiny.knobs,
        together(
            final_bars(
                "knobs-margin",
                "Geometric margin",
                "Margin of the network reduced to its embeddings' own directions; above 0 is geometric.",
                "skewed-low-rank/margin_s1",
                list(tiny.KNOBS),
                label="margin(S1)",
            ),
            final_bars(
                "knobs-fiedler",
                "Fiedler energy",
                "Share of the non-trivial energy on the two smoothest directions.",
                "eigen-energy/fiedler",
                list(tiny.KNOBS),
                label="Fiedler energy",
                percent=True,
                order=1,
            ),
        ),
        TWO,
    ),
    Experiment(
        "path-share",
        "the share of the path loss",
        "Edges and paths together from the first step; how much of the loss may the paths have?",
        others.path_share,
        over_time(
            "path-share-accuracy",
            "Held-out first hops by the share of the path loss",
            "A large share memorises leaf and answer as a pair before there is a geometry to find it by.",
            FIRST_HOP,
            {f"share-{share:g}": f"{share:.0%} of the loss" for share in (0.05, 0.25, 0.5, 0.9)},
            label="held-out first hops right",
            chance=_ablation_chance,
        ),
        THREE,
    ),
    Experiment(
        "mamba",
        "a state-space model",
        "Edges, then paths, with Mamba in place of the Transformer.",
        others.mamba,
        together(
            over_time(
                "mamba-accuracy",
                "Held-out paths, Mamba",
                "First hop as the only target, and whole paths.",
                FIRST_HOP,
                {"hardest": "first hop alone", "full": "whole path"},
                label="held-out first hops right",
            ),
            over_time(
                "mamba-retrieval",
                "Leaves whose nearest first hop is their own, Mamba",
                "By cosine of token embeddings.",
                "leaf-first-hop/held_out_retrieval",
                {"hardest": "first hop alone", "full": "whole path"},
                label="retrieval",
                order=1,
            ),
        ),
        TWO,
    ),
    Experiment(
        "in-context",
        "the graph in the prompt",
        "A fresh small star in every prompt, next-token prediction.",
        others.in_context,
        over_time(
            "in-context-exact",
            "Whole paths right, graph in context",
            "Exact match on fresh prompts.",
            EXACT,
            {f"{one}-arms": f"{one} arms" for one in (2, 5, 10, 20)},
            label="exact match",
        ),
        TWO,
    ),
    Experiment(
        "storage",
        "what either memory costs",
        "Bits and norms by the propositions' formulas; nothing is trained.",
        others.no_cells,
        lambda _evidence: [],
        ONE,
    ),
)
