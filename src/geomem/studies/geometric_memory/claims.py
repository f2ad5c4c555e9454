"""The claims of arXiv 2510.26745 as predicates over what was measured. Thresholds are argued here, before any run.

Three yardsticks serve most of them.
- "far above chance": at least ten times chance. The paper says "perfect or highly non-trivial" without a number; a
  tenfold guess cannot come from a lucky seed (63 held-out leaves at 1/250: the chance of three or more hits is 0.2 %).
- "at chance": at most chance plus three standard errors of a proportion over the held-out leaves, plus one leaf, so that
  a single lucky hit among few leaves does not count as learning.
- "geometric": the Fiedler energy, the share of the embeddings' non-trivial energy that lies on the leading non-trivial
  eigenvectors of the graph, at least twice the share those vectors are of all (which random vectors get).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from geomem.studies.claim import Bound, Claim, Test
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.judges import (
    at_chance,
    difference,
    far_above_chance,
    learned_at,
    over_graphs,
    ratio,
    storage_ratios,
)
from geomem.studies.geometric_memory.settings import Settings

FIRST_HOP = "paths/held_out/first_hop"
EXACT = "paths/held_out/exact"
RECOVERY = "top-degree-recovery/recovery"
PAPER = "arXiv 2510.26745"


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def _c1(evidence: Evidence) -> list[Test]:
    chance = 1 / _settings(evidence).ablation_arms
    return [far_above_chance(evidence.measured("full", EXACT), chance, "exact match on held-out leaves, Transformer")]


def _c1_mamba(evidence: Evidence) -> list[Test]:
    chance = 1 / _settings(evidence).mamba.arms
    return [far_above_chance(evidence.measured("full", EXACT), chance, "exact match on held-out leaves, Mamba")]


def _c2(evidence: Evidence) -> list[Test]:
    tests: list[Test] = []
    for arms in _settings(evidence).in_context.arms:
        values = evidence.measured(f"{arms}-arms", EXACT)
        limit = 1 / arms + 3 * math.sqrt((1 / arms) * (1 - 1 / arms) / 1000)
        tests.append(Test(Bound(f"exact match with the graph in context, {arms} arms", limit, "at most"), values))
    return tests


def _c3(evidence: Evidence) -> list[Test]:
    """A cascade from the leaf learns v_{l-1}, ..., v_2, v_1 one after the other: with equal steps the span between
    v_{l-1} and v_2 is (l - 3) / (l - 1) of the time to v_1. Half of that is where no cascade ends and one begins.
    """
    length = _settings(evidence).full_length
    spans: dict[int, float] = {}
    for seed in evidence.seeds("full"):
        times = {k: learned_at(evidence, "full", seed, f"paths/held_out/forced_{k}", 0.5) for k in range(1, length)}
        spans[seed] = (times[2] - times[length - 1]) / times[1] if math.isfinite(times[2]) else math.nan
    limit = 0.5 * (length - 3) / (length - 1)
    return [
        Test(
            Bound("span between learning the last and the second hop / time to the first hop", limit, "at most"), spans
        )
    ]


def _c4(evidence: Evidence) -> list[Test]:
    chance = 1 / _settings(evidence).path_star.arms
    return [far_above_chance(evidence.measured("trained", FIRST_HOP), chance, "first hop of held-out leaves right")]


def _c5(condition: str) -> Callable[[Evidence], list[Test]]:
    def judge(evidence: Evidence) -> list[Test]:
        chance = evidence.measured(condition, "leaf-first-hop/chance")
        found = evidence.measured(condition, "leaf-first-hop/held_out_retrieval")
        gap = evidence.measured(condition, "leaf-first-hop/held_out_gap")
        return [
            far_above_chance(found, max(chance.values()), "held-out leaves whose nearest first hop is their own"),
            Test(Bound("cosine distance to the own first hop minus to others", 0.0, "below"), gap),
        ]

    return judge


def _c6(evidence: Evidence) -> list[Test]:
    star = _settings(evidence).path_star
    held_out = star.arms - math.floor(0.75 * star.arms)
    values = evidence.measured("frozen", FIRST_HOP)
    return [
        at_chance(values, 1 / star.arms, held_out, "first hop of held-out leaves right, frozen tables"),
        Test(
            Bound("training leaves answered, frozen tables", 0.95, "at least"),
            evidence.measured("frozen", "paths/train/first_hop"),
        ),
    ]


def _c7(model: str) -> Callable[[Evidence], list[Test]]:
    metric = "dot-product-recovery/top5" if model == "Node2Vec" else RECOVERY

    def judge(evidence: Evidence) -> list[Test]:
        return [
            Test(Bound("neighbours recovered, worst graph", 0.99, "at least"), over_graphs(evidence, model, metric, min)),
            Test(Bound("Fiedler energy / chance, worst graph", 2.0, "at least"), over_graphs(evidence, model, "fiedler gain", min)),
        ]  # fmt: skip

    return judge


def _c8(evidence: Evidence) -> list[Test]:
    chance = 1 / _settings(evidence).ablation_arms
    peak = evidence.best("paths-only-full", EXACT)
    last = evidence.measured("paths-only-full", EXACT)
    fall = {seed: last[seed] / peak[seed] if peak[seed] > 0 else math.nan for seed in peak}
    return [
        far_above_chance(peak, chance, "highest exact match on held-out leaves while finetuning on paths alone"),
        Test(Bound("last exact match / highest", 0.5, "at most"), fall),
    ]


def _c9(evidence: Evidence) -> list[Test]:
    values = over_graphs(evidence, "associative-fast", RECOVERY, min)
    return [Test(Bound("neighbours recovered with a frozen table, worst graph", 0.99, "at least"), values)]


def _c10(evidence: Evidence) -> list[Test]:
    quick = {seed: max(learned_at(evidence, condition, seed, RECOVERY, 0.99) for condition in _named(evidence, "associative-fast"))
             for seed in evidence.seeds(_named(evidence, "associative-fast")[0])}  # fmt: skip
    slow = {seed: min(learned_at(evidence, condition, seed, RECOVERY, 0.99) for condition in _named(evidence, "TinyGPT"))
            for seed in quick}  # fmt: skip
    return [
        Test(Bound("steps to store all edges, associative (slowest graph)", 2, "at most"), quick),
        Test(
            Bound("steps to store all edges, TinyGPT (fastest graph) / associative", 10, "at least"), ratio(slow, quick)
        ),
    ]


def _c11(_evidence: Evidence) -> list[Test]:
    ratios = storage_ratios()
    tests: list[Test] = []
    for name, values in ratios.items():
        tests.append(
            Test(Bound(f"{name}, geometric / associative, least over sizes", 1.0, "at least"), {0: min(values)})
        )
        tests.append(
            Test(Bound(f"{name}, geometric / associative, largest over sizes", 2.0, "at most"), {0: max(values)})
        )
    return tests


def _c12(evidence: Evidence) -> list[Test]:
    return [
        Test(Bound("|C V| / |V| at the end, worst graph", 0.01, "at most"),
             over_graphs(evidence, "Node2Vec", "node2vec-stationarity/residual", max)),
        Test(Bound("energy on eigenvectors with negative eigenvalue, worst graph", 0.05, "at most"),
             over_graphs(evidence, "Node2Vec", "eigen-energy/zigzag", max)),
        Test(Bound("Fiedler energy / chance, worst graph", 2.0, "at least"),
             over_graphs(evidence, "Node2Vec", "fiedler gain", min)),
    ]  # fmt: skip


def _c13(evidence: Evidence) -> list[Test]:
    node2vec = over_graphs(evidence, "Node2Vec", "eigen-energy/fiedler", _mean)
    deep = over_graphs(evidence, "TinyGPT", "eigen-energy/fiedler", _mean)
    return [
        Test(
            Bound("Fiedler energy of Node2Vec minus TinyGPT, mean over graphs", 0.0, "above"),
            difference(node2vec, deep),
        )
    ]


def _c14(evidence: Evidence) -> list[Test]:
    arms = _settings(evidence).ablation_arms
    held_out = arms - math.floor(0.75 * arms)

    def fails(condition: str, metric: str, words: str) -> Test:
        return at_chance(evidence.measured(condition, metric), 1 / arms, held_out, words)

    def works(condition: str, metric: str, words: str) -> Test:
        return far_above_chance(evidence.measured(condition, metric), 1 / arms, words)

    return [
        fails("forward-hardest", FIRST_HOP, "forward edges, first hop from the root"),
        fails("forward-reversed", EXACT, "forward edges, path from the leaf"),
        fails("backward-hardest", FIRST_HOP, "backward edges, first hop from the root"),
        works("backward-reversed", EXACT, "backward edges, path from the leaf"),
        works("both-hardest", FIRST_HOP, "both directions, first hop from the root"),
        works("both-reversed", EXACT, "both directions, path from the leaf"),
    ]


def _c15(evidence: Evidence) -> list[Test]:
    forward, both = (over_graphs(evidence, name, "fiedler gain", _mean) for name in ("forward", "both"))
    return [
        Test(Bound("Fiedler energy / chance with forward edges, mean over graphs", 2.0, "at least"), forward),
        Test(Bound("Fiedler gain, forward minus both directions", 0.0, "below"), difference(forward, both)),
    ]


def _c16(evidence: Evidence) -> list[Test]:
    counts = _settings(evidence).pauses
    least, most = f"{counts[0]}-pauses", f"{counts[-1]}-pauses"
    steps = {name: {seed: learned_at(evidence, name, seed, FIRST_HOP, 0.5) for seed in evidence.seeds(name)}
             for name in (least, most)}  # fmt: skip
    words = f"steps to half of the held-out first hops, {counts[-1]} pauses / {counts[0]} pauses"
    return [Test(Bound(words, 1.0, "below"), ratio(steps[most], steps[least]))]


def _c17(evidence: Evidence) -> list[Test]:
    own = _settings(evidence).tree_star
    leaves = own.arms * own.branching ** (own.length - 2)
    leaf, subtree = (evidence.measured(f"{split}-split", EXACT) for split in ("leaf", "subtree"))
    return [
        far_above_chance(leaf, 1 / leaves, "exact match, held-out leaves"),
        Test(Bound("exact match, held-out subtrees / held-out leaves", 0.5, "at most"), ratio(subtree, leaf)),
    ]


def _c18(evidence: Evidence) -> list[Test]:
    tests: list[Test] = []
    for model, words in (("TinyNN", "a layer in between"), ("untied", "an untied output")):
        plain = over_graphs(evidence, model, "eigen-energy/zigzag", _mean)
        with_self = over_graphs(evidence, f"{model}-self", "eigen-energy/zigzag", _mean)
        tests.append(
            Test(Bound(f"{words}: zig-zag energy without self-edges, mean over graphs", 0.1, "at least"), plain)
        )
        tests.append(
            Test(Bound(f"{words}: zig-zag energy with self-edges / without", 0.5, "at most"), ratio(with_self, plain))
        )
    return tests


def _c19(evidence: Evidence) -> list[Test]:
    margin = "skewed-low-rank/margin_s1"
    tests = [
        Test(Bound(f"geometric margin, {name}", 0.0, "above"), evidence.measured(name, margin))
        for name in ("1-self-edges", "2a-moderate-rate", "3b-large-rate", "3c-weight-decay", "3d-dropout")
    ]
    weak = difference(evidence.measured("2b-small-rate", margin), evidence.measured("2a-moderate-rate", margin))
    return [
        *tests,
        Test(Bound("geometric margin, small minus moderate rate", 0.0, "below"), weak),
        Test(Bound("geometric margin, 3a-unit-normal", 0.0, "at most"), evidence.measured("3a-unit-normal", margin)),
    ]


def _c20(evidence: Evidence) -> list[Test]:
    """The cycle's Fiedler block has two members; "only a minimal set" leaves at most a tenth of the energy elsewhere."""
    values = evidence.measured("1-self-edges", "eigen-energy/fiedler")
    return [Test(Bound("Fiedler energy of TinyNN, width 512, on the cycle with self-edges", 0.9, "at least"), values)]


def _map(evidence: Evidence) -> list[Test]:
    trained = evidence.measured("trained", "map-recovery/ridge_r2")
    frozen = evidence.measured("frozen", "map-recovery/ridge_r2")
    frozen_limit = evidence.measured("frozen", "map-recovery/ridge_r2_control_high")
    return [
        Test(Bound("held-out R² of true place from embedding", 0.5, "at least"), trained),
        Test(
            Bound("the same with frozen tables, minus the best of 20 shuffles", 0.0, "at most"),
            difference(frozen, frozen_limit),
        ),
        Test(Bound("neighbours recovered, frozen tables", 0.9, "at least"), evidence.measured("frozen", RECOVERY)),
    ]


def _named(evidence: Evidence, model: str) -> list[str]:
    return [name for name in evidence.conditions if name.partition("-")[2] == model]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _claim(id: str, experiment: str, statement: str, where: str, reported: str, why: str,
           judge: Callable[[Evidence], list[Test]]) -> Claim:  # fmt: skip
    return Claim(id, statement, f"{PAPER}, {where}", reported, experiment, why, judge)


CLAIMS = (
    _claim("C1", "full-path", "The whole path from root to leaf is found for held-out leaves (Transformer).", "Obs. 1a, Fig. 4",
           "up to 100 % exact match on up to 5·10⁴ nodes", "far above chance: ten times 1/d", _c1),
    _claim("C1-mamba", "mamba", "The whole path from root to leaf is found for held-out leaves (Mamba).", "Obs. 1a, Fig. 8",
           "up to 100 % exact match", "far above chance: ten times 1/d", _c1_mamba),
    _claim("C2", "in-context", "The same kind of model fails when the graph is in the prompt.", "Fig. 5 left; 2403.06963",
           "exact match stays at chance 1/d", "chance plus three standard errors over 1000 prompts", _c2),
    _claim("C3", "full-path", "The tokens of a path are not learned from the end backwards.", "Obs. 1b, Fig. 4 middle",
           "curves only", "half the span that an even cascade would show", _c3),
    _claim("C4", "path-finding", "The first hop is found for held-out leaves when it is the only path token trained on.",
           "Obs. 1c, Fig. 4 right", "non-trivial up to 100 %, chance 1/d", "far above chance: ten times 1/d", _c4),
    _claim("C5-edges", "edges-only", "Told single edges only, the model places each leaf beside its own first hop.",
           "Obs. 2, Figs. 6, 16", "diagonal visible, weaker than with paths", "ten times chance among all first hops; distance gap below 0",
           _c5("trained")),
    _claim("C5-paths", "path-finding", "With path supervision held-out leaves lie beside their own first hop.",
           "Obs. 2, Figs. 6, 9", "clear diagonal, also on held-out paths", "ten times chance among all first hops; distance gap below 0",
           _c5("trained")),
    _claim("C5-mamba", "mamba", "Mamba draws the same geometry.", "Obs. 2, Fig. 10", "strong", "ten times chance; gap below 0", _c5("hardest")),
    _claim("C6", "path-finding", "With frozen token embeddings held-out paths are never found.", "App. E.1",
           "failure after 50 000 epochs", "at chance on held-out leaves, while training leaves are answered", _c6),
    _claim("C7-transformer", "tiny-graphs", "Edges alone give global geometry on tiny graphs: Transformer.", "Obs. 3b, 5, Figs. 12-15",
           "pictures; edges memorised at 100 %", "99 % of neighbours; Fiedler energy twice chance on every graph", _c7("TinyGPT")),
    _claim("C7-feed-forward", "tiny-graphs", "Edges alone give global geometry on tiny graphs: feed-forward net.", "Obs. 3b, 5, Figs. 12-15",
           "pictures; edges memorised at 100 %", "99 % of neighbours; Fiedler energy twice chance on every graph", _c7("TinyNN")),
    _claim("C7-node2vec", "tiny-graphs", "Edges alone give global geometry on tiny graphs: Node2Vec.", "Obs. 3b, 5, Figs. 12-15",
           "pictures; edges memorised at 100 %", "99 % of neighbours; Fiedler energy twice chance on every graph", _c7("Node2Vec")),
    _claim("C8", "staged", "Finetuned on paths alone, an edge-memorised model finds paths for a moment and then loses them.",
           "App. D.3, Fig. 23", "high peak, then collapse", "peak ten times chance, then at most half of the peak", _c8),
    _claim("C9", "tiny-graphs", "The same edges fit with frozen embeddings, so capacity does not force geometry.", "Obs. 3a",
           "100 % edge memorisation", "99 % of neighbours on every graph", _c9),
    _claim("C10", "tiny-graphs", "Associative storage is found much sooner than geometric storage.", "v2, Refutation 3c",
           "within 2 steps, against 100 to 200", "the reported 2 steps; an order of magnitude between the two", _c10),
    _claim("C11", "storage", "Bits and norm of both memories tie up to a constant on path-star and cycle.", "Prop. 1",
           "factor in [1, 2]", "the reported range, over sizes up to a million nodes, by the formulas of the appendix", _c11),
    _claim("C12", "tiny-graphs", "Node2Vec ends in the span of Fiedler-like vectors, which its coefficient matrix annihilates.",
           "Obs. 4, 7, Fig. 7", "projections settle there and vanish elsewhere",
           "|C V| so small that 10⁴ further steps move V by less than its own size; nearly no energy below λ = 0", _c12),
    _claim("C13", "tiny-graphs", "Node2Vec's geometry is cleaner than that of deep models.", "Hyp. 4", "pictures",
           "more Fiedler energy on average over graphs", _c13),
    _claim("C14", "directions", "Large path-stars need reverse edges: forward-only fails on both paths, backward-only solves the way up.",
           "Obs. 6, Figs. 19, 20", "bars", "ten times chance where it works, chance where it fails", _c14),
    _claim("C15", "one-direction", "On tiny graphs one direction of edges is enough, for a weaker geometry.", "Fig. 21", "pictures",
           "Fiedler energy twice chance, and less than with both directions", _c15),
    _claim("C16", "pauses", "Pause tokens speed up learning.", "Fig. 22", "curves", "fewer steps to half of the held-out first hops", _c16),
    _claim("C17", "tree-star", "Branching paths are found; holding out whole subtrees is much harder than holding out leaves.",
           "Fig. 11", "bars above 1/#leaves", "ten times chance; half the accuracy or less", _c17),
    _claim("C18", "zigzag", "An untied output or a layer in between makes a zig-zag, which self-edges remove.", "v2, Section 4.4",
           "pictures and bars", "a tenth of the energy below λ = 0; self-edges at least halve it", _c18),
    _claim("C19", "knobs", "Rate, decay, dropout and initialisation decide which memory wins on the 15-cycle.", "v3; released code",
           "qualitative, geometric margin", "the sign of the geometric margin (card 3.6, 5.6)", _c19),
    _claim("C20", "knobs", "A wide two-layer model uses only the fewest eigen-directions, two on the cycle.", "v3", "bars",
           "nine tenths of the energy on the Fiedler pair", _c20),
    Claim("G1", "Told only which countries share a border, a Transformer places them so that their true place can be read off.",
          "geomem, country borders", "not in the paper", "countries",
          "half of the variance of true places, on countries the fit never saw; frozen tables no better than shuffled", _map),
)  # fmt: skip
