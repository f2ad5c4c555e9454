"""The predicates behind the claims: evidence to tests. Thresholds are argued here and in `claims`, before any run.

Three yardsticks serve most of them.
- "far above chance": at least ten times chance. The paper says "perfect or highly non-trivial" without a number; a
  tenfold guess cannot come from a lucky seed (63 held-out leaves at 1/250: the chance of three or more hits is 0.2 %).
- "at chance": at most chance plus three standard errors of a proportion over the held-out leaves, plus one leaf, so
  that a single lucky hit among few leaves does not count as learning.
- "geometric": the Fiedler energy, the share of the embeddings' non-trivial energy that lies on the leading non-trivial
  eigenvectors of the graph, at least twice the share those vectors are of all (which random vectors get).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from geomem.studies.claim import Bound, Test
from geomem.studies.evidence import Evidence
from geomem.studies.geometric_memory.judges import over_graphs, storage_ratios
from geomem.studies.geometric_memory.settings import Settings
from geomem.studies.yardsticks import at_chance, difference, far_above_chance, learned_at, ratio

FIRST_HOP = "paths/held_out/first_hop"
EXACT = "paths/held_out/exact"
RECOVERY = "top-degree-recovery/recovery"


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def c1(evidence: Evidence) -> list[Test]:
    """Whole held-out paths, Transformer."""
    chance = 1 / _settings(evidence).ablation_arms
    return [far_above_chance(evidence.measured("full", EXACT), chance, "exact match on held-out leaves, Transformer")]


def c1_mamba(evidence: Evidence) -> list[Test]:
    """Whole held-out paths, Mamba."""
    chance = 1 / _settings(evidence).mamba.arms
    return [far_above_chance(evidence.measured("full", EXACT), chance, "exact match on held-out leaves, Mamba")]


def c2(evidence: Evidence) -> list[Test]:
    """The graph in the prompt: at chance for every number of arms."""
    tests: list[Test] = []
    for arms in _settings(evidence).in_context.arms:
        values = evidence.measured(f"{arms}-arms", EXACT)
        limit = 1 / arms + 3 * math.sqrt((1 / arms) * (1 - 1 / arms) / 1000)
        tests.append(Test(Bound(f"exact match with the graph in context, {arms} arms", limit, "at most"), values))
        # A model that learned nothing fails at everything. Once the first hop is given, the second is an edge that the
        # prompt states; a model that has not learned to read it off says nothing about planning.
        easy = evidence.measured(f"{arms}-arms", "paths/held_out/forced_2")
        tests.append(Test(Bound(f"second hop given the first, {arms} arms", 0.9, "at least"), easy, needed=True))
    return tests


def c3(evidence: Evidence) -> list[Test]:
    """Compare the span between learning the last and the second hop with the time to the first.

    A cascade from the leaf learns v_{l-1}, ..., v_2, v_1 one after the other: with equal steps the span between v_{l-1}
    and v_2 is (l - 3) / (l - 1) of the time to v_1. Half of that is where no cascade ends and one begins.
    """
    length = _settings(evidence).full_length
    spans: dict[int, float] = {}
    for seed in evidence.seeds("full"):
        times = {k: learned_at(evidence, "full", seed, f"paths/held_out/forced_{k}", 0.5) for k in range(1, length)}
        learned = all(map(math.isfinite, (times[1], times[2], times[length - 1])))
        spans[seed] = (times[2] - times[length - 1]) / times[1] if learned else math.nan
    limit = 0.5 * (length - 3) / (length - 1)
    return [
        Test(
            Bound("span between learning the last and the second hop / time to the first hop", limit, "at most"), spans
        )
    ]


def c4(evidence: Evidence) -> list[Test]:
    """The first hop of held-out leaves."""
    chance = 1 / _settings(evidence).path_star.arms
    return [far_above_chance(evidence.measured("trained", FIRST_HOP), chance, "first hop of held-out leaves right")]


def c4_mamba(evidence: Evidence) -> list[Test]:
    """The first hop of held-out leaves, Mamba."""
    chance = 1 / _settings(evidence).mamba.arms
    return [far_above_chance(evidence.measured("hardest", FIRST_HOP), chance, "first hop of held-out leaves, Mamba")]


def c5(condition: str) -> Callable[[Evidence], list[Test]]:
    """Return the predicate: leaves lie beside their own first hop in `condition`."""

    def judge(evidence: Evidence) -> list[Test]:
        chance = evidence.measured(condition, "leaf-first-hop/chance")
        found = evidence.measured(condition, "leaf-first-hop/held_out_retrieval")
        gap = evidence.measured(condition, "leaf-first-hop/held_out_gap")
        return [
            far_above_chance(found, max(chance.values()), "held-out leaves whose nearest first hop is their own"),
            Test(Bound("cosine distance to the own first hop minus to others", 0.0, "below"), gap),
        ]

    return judge


def c6(evidence: Evidence) -> list[Test]:
    """Frozen tables: held-out leaves at chance although training leaves are answered."""
    star = _settings(evidence).path_star
    held_out = star.arms - math.floor(0.75 * star.arms)
    values = evidence.measured("frozen", FIRST_HOP)
    return [
        at_chance(values, 1 / star.arms, held_out, "first hop of held-out leaves right, frozen tables"),
        Test(
            Bound("training leaves answered, frozen tables", 0.95, "at least"),
            evidence.measured("frozen", "paths/train/first_hop"),
            needed=True,
        ),
    ]


def c7(model: str) -> Callable[[Evidence], list[Test]]:
    """Return the predicate: `model` stores the edges of every tiny graph, and as a map."""
    metric = "dot-product-recovery/top5" if model == "Node2Vec" else RECOVERY

    def judge(evidence: Evidence) -> list[Test]:
        return [
            Test(
                Bound("neighbours recovered, worst graph", 0.99, "at least"), over_graphs(evidence, model, metric, min)
            ),
            Test(
                Bound("Fiedler energy / chance, worst graph", 2.0, "at least"),
                over_graphs(evidence, model, "fiedler gain", min),
            ),
        ]

    return judge


def c8(evidence: Evidence) -> list[Test]:
    """A peak while finetuning on paths alone, and its loss."""
    chance = 1 / _settings(evidence).ablation_arms
    peak = evidence.best("paths-only-full", EXACT)
    last = evidence.measured("paths-only-full", EXACT)
    fall = {seed: last[seed] / peak[seed] if peak[seed] > 0 else math.nan for seed in peak}
    return [
        far_above_chance(peak, chance, "highest exact match on held-out leaves while finetuning on paths alone"),
        Test(Bound("last exact match / highest", 0.5, "at most"), fall),
    ]


def c9(evidence: Evidence) -> list[Test]:
    """The frozen table stores every edge."""
    values = over_graphs(evidence, "associative-fast", RECOVERY, min)
    return [Test(Bound("neighbours recovered with a frozen table, worst graph", 0.99, "at least"), values)]


def c10(evidence: Evidence) -> list[Test]:
    """Steps to store all edges, look-up against map."""
    quick = {
        seed: max(
            learned_at(evidence, condition, seed, RECOVERY, 0.99) for condition in _named(evidence, "associative-fast")
        )
        for seed in evidence.seeds(_named(evidence, "associative-fast")[0])
    }
    slow = {
        seed: min(learned_at(evidence, condition, seed, RECOVERY, 0.99) for condition in _named(evidence, "TinyGPT"))
        for seed in quick
    }
    return [
        Test(Bound("steps to store all edges, associative (slowest graph)", 2, "at most"), quick),
        Test(
            Bound("steps to store all edges, TinyGPT (fastest graph) / associative", 10, "at least"), ratio(slow, quick)
        ),
    ]


def c11(_evidence: Evidence) -> list[Test]:
    """Costs of both memories, by formula."""
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


def c12(evidence: Evidence) -> list[Test]:
    """Node2Vec has come to rest on smooth directions."""
    return [
        Test(
            Bound("|C V| / |V| at the end, worst graph", 0.01, "at most"),
            over_graphs(evidence, "Node2Vec", "node2vec-stationarity/residual", max),
        ),
        Test(
            Bound("energy on eigenvectors with negative eigenvalue, worst graph", 0.05, "at most"),
            over_graphs(evidence, "Node2Vec", "eigen-energy/zigzag", max),
        ),
        Test(
            Bound("Fiedler energy / chance, worst graph", 2.0, "at least"),
            over_graphs(evidence, "Node2Vec", "fiedler gain", min),
        ),
    ]


def c13(evidence: Evidence) -> list[Test]:
    """Node2Vec against the Transformer, by Fiedler energy."""
    node2vec = over_graphs(evidence, "Node2Vec", "eigen-energy/fiedler", _mean)
    deep = over_graphs(evidence, "TinyGPT", "eigen-energy/fiedler", _mean)
    return [
        Test(
            Bound("Fiedler energy of Node2Vec minus TinyGPT, mean over graphs", 0.0, "above"),
            difference(node2vec, deep),
        )
    ]


def c14(evidence: Evidence) -> list[Test]:
    """Edge directions: what must fail fails, what must work works."""
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


def c15(evidence: Evidence) -> list[Test]:
    """One direction of edges: a map, and a weaker one."""
    forward, both = (over_graphs(evidence, name, "fiedler gain", _mean) for name in ("forward", "both"))
    return [
        Test(Bound("Fiedler energy / chance with forward edges, mean over graphs", 2.0, "at least"), forward),
        Test(Bound("Fiedler gain, forward minus both directions", 0.0, "below"), difference(forward, both)),
    ]


def c16(evidence: Evidence) -> list[Test]:
    """Steps to half of the held-out first hops, most against fewest pauses."""
    counts = _settings(evidence).pauses
    least, most = f"{counts[0]}-pauses", f"{counts[-1]}-pauses"
    steps = {
        name: {seed: learned_at(evidence, name, seed, FIRST_HOP, 0.5) for seed in evidence.seeds(name)}
        for name in (least, most)
    }
    words = f"steps to half of the held-out first hops, {counts[-1]} pauses / {counts[0]} pauses"
    return [Test(Bound(words, 1.0, "below"), ratio(steps[most], steps[least]))]


def c17(evidence: Evidence) -> list[Test]:
    """Branching paths: leaves found, subtrees much less."""
    own = _settings(evidence).tree_star
    leaves = own.arms * own.branching ** (own.length - 2)
    leaf, subtree = (evidence.measured(f"{split}-split", EXACT) for split in ("leaf", "subtree"))
    return [
        far_above_chance(leaf, 1 / leaves, "exact match, held-out leaves"),
        Test(Bound("exact match, held-out subtrees / held-out leaves", 0.5, "at most"), ratio(subtree, leaf)),
    ]


def c18(evidence: Evidence) -> list[Test]:
    """The zig-zag and what self-edges do to it."""
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


def c19(evidence: Evidence) -> list[Test]:
    """Signs of the geometric margin under the knobs."""
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


def c20(evidence: Evidence) -> list[Test]:
    """Ask for nine tenths on the cycle's Fiedler pair: "only a minimal set" leaves at most a tenth elsewhere."""
    values = evidence.measured("1-self-edges", "eigen-energy/fiedler")
    return [Test(Bound("Fiedler energy of TinyNN, width 512, on the cycle with self-edges", 0.9, "at least"), values)]


def k1(evidence: Evidence) -> list[Test]:
    """Held-out first hops with the smallest share of the path loss against the largest, best over training."""
    shares = _settings(evidence).path_shares
    least, most = (evidence.best(f"share-{share:g}", FIRST_HOP) for share in (min(shares), max(shares)))
    words = f"highest held-out first-hop accuracy, path share {min(shares):g} minus {max(shares):g}"
    return [Test(Bound(words, 0.0, "above"), difference(least, most))]


def country_places(evidence: Evidence) -> list[Test]:
    """True places read off embeddings: trained far better than frozen."""
    trained = evidence.measured("trained", "map-recovery/ridge_r2")
    frozen = evidence.measured("frozen", "map-recovery/ridge_r2")
    frozen_limit = evidence.measured("frozen", "map-recovery/ridge_r2_control_high")
    return [
        Test(Bound("held-out R² of true place from embedding", 0.5, "at least"), trained),
        Test(
            Bound("the same with frozen tables, minus the best of 20 shuffles", 0.0, "at most"),
            difference(frozen, frozen_limit),
        ),
        Test(
            Bound("neighbours recovered, frozen tables", 0.9, "at least"),
            evidence.measured("frozen", RECOVERY),
            needed=True,
        ),
    ]


def _named(evidence: Evidence, model: str) -> list[str]:
    return [name for name in evidence.conditions if name.partition("-")[2] == model]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
