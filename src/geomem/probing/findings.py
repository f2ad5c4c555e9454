"""What is unusual about a model, in plain sentences computed from its numbers; most telling first.

Each rule looks at one thing, against the untrained twin, the shuffled text or chance, and speaks only when the numbers
do. Its threshold is what its sentence says ("less than half"), not a value tuned to any model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from geomem.numbers import number
from geomem.probing.keep import PassResult

MOST = 7
"""Sentences on the first screen."""


@dataclass(frozen=True)
class Finding:
    """A sentence and how telling it is: about |log| of a ratio to what was expected, so that 0.7 is a factor of two."""

    text: str
    weight: float


@dataclass(frozen=True)
class Probed:
    """One model's measured pass, with its null models where they were measured."""

    measured: PassResult
    untrained: PassResult | None = None
    shuffled: PassResult | None = None

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return int(self.measured.facts["layers"])

    def values(self, metric: str, condition: str = "") -> dict[int, float]:
        """Return a metric by layer, of the model or of one of its null models; {} where it was not measured."""
        source = {"": self.measured, "untrained": self.untrained, "shuffled": self.shuffled}[condition]
        found = {} if source is None else source.profile(metric)
        return {layer: row.value for layer, row in sorted(found.items()) if math.isfinite(row.value)}

    def one(self, metric: str) -> float:
        """Return a metric that belongs to no layer; NaN when it was not measured."""
        row = self.measured.number(metric)
        return math.nan if row is None else row.value


def findings(probed: Probed) -> list[Finding]:
    """Return what is worth saying of one model, most telling first."""
    found = [said for rule in RULES if (said := rule(probed)) is not None]
    return sorted(found, key=lambda one: -one.weight)[:MOST]


def headline(probed: Probed) -> str:
    """Return the sentence under the title: what was measured, on what, and how well the model predicts it."""
    facts = probed.measured.facts
    size = f"{facts['layers']} blocks of width {facts['width']}"
    text = f"{number(facts['tokens'])} tokens in windows of {facts['context']}"
    loss, chance = probed.one("model/loss"), probed.measured.number("model/loss", "chance")
    if not math.isfinite(loss):
        return f"{size}, measured on {text}."
    against = "" if chance is None else f", where a unigram model has {number(chance.value)}"
    return f"{size}, measured on {text}: a loss of {number(loss)} nats a token{against}."


def _sinks(probed: Probed) -> Finding | None:
    share = probed.one("attention/windows_with_sink")
    ratios = probed.values("attention/norm_ratio")
    if not math.isfinite(share) or not ratios:
        return None
    layer = max(ratios, key=lambda key: ratios[key])
    if share < 0.5:
        said = "There is no attention sink: no token's state stands out in most windows, and none was left out."
        return Finding(said, 0.2) if share == 0 else None
    left_out = probed.one("attention/left_out")
    outcome = (f"they ({number(left_out, percent=True)} of all tokens) are left out of every other number"
               if left_out > 0 else "they are kept in all numbers, as was asked for")  # fmt: skip
    text = (f"The first token is an attention sink: after block {layer} its norm is {number(ratios[layer])} times "
            "that of "
            f"the median token. It and the tokens that take its direction are flagged; {outcome}.")  # fmt: skip
    return Finding(text, math.log(max(1.0, ratios[layer])))


def _rank(probed: Probed) -> Finding | None:
    ranks, twin = probed.values("spectrum/rankme"), probed.values("spectrum/rankme", "untrained")
    inner = {layer: value for layer, value in ranks.items() if layer > 0}
    if not inner:
        return None
    layer = min(inner, key=lambda key: inner[key])
    width = int(probed.measured.facts["width"])
    base = twin.get(layer)
    against = "" if base is None else f" (the untrained twin has {number(base)})"
    expected = base if base is not None else float(width)
    if inner[layer] >= expected / 2:
        return None
    text = (f"Effective rank is lowest at layer {layer}: the tokens' variance fills {number(inner[layer])} of {width} "
            f"directions{against}.")  # fmt: skip
    return Finding(text, math.log(expected / inner[layer]))


def _spread(probed: Probed) -> Finding | None:
    ranks = probed.values("spectrum/rankme")
    inner = {layer: value for layer, value in ranks.items() if layer > 0}
    if len(inner) < 3:
        return None
    low, high = min(inner, key=lambda key: inner[key]), max(inner, key=lambda key: inner[key])
    if inner[high] < 2 * inner[low]:
        return None
    ends = f"{number(inner[low])} at layer {low}, where it is lowest, to {number(inner[high])} at layer {high}"
    text = f"Effective rank runs from {ends}."
    return Finding(text, 0.8 * math.log(inner[high] / inner[low]))


def _anisotropy(probed: Probed) -> Finding | None:
    cosines = probed.values("spectrum/anisotropy")
    if not cosines:
        return None
    layer = max(cosines, key=lambda key: abs(cosines[key]))
    if cosines[layer] < 0.5:
        return None
    text = (f"States share a common direction: at layer {layer} two random tokens have a mean cosine of "
            f"{number(cosines[layer])} (0 in isotropic data).")  # fmt: skip
    return Finding(text, -math.log(max(1e-6, 1 - min(cosines[layer], 0.999))) / 2)


def _first_block(probed: Probed) -> Finding | None:
    ratios = probed.values("updates/update_ratio")
    later = [value for layer, value in ratios.items() if layer > 0]
    if 0 not in ratios or not later:
        return None
    typical = sorted(later)[len(later) // 2]
    if ratios[0] < 4 * typical:
        return None
    text = (f"The first block rewrites its input: its update is {number(ratios[0])} times as long as the embedding, "
            f"that of the median later block {number(typical)} times its stream.")  # fmt: skip
    return Finding(text, math.log(ratios[0] / typical) / 2)


def _quiet_blocks(probed: Probed) -> Finding | None:
    cosines = probed.values("updates/stream_cosine")
    quiet = [layer for layer, value in cosines.items() if value > 0.95]
    if not quiet or len(cosines) < 3:
        return None
    text = (f"{len(quiet)} of {len(cosines)} blocks leave the direction of the stream nearly as it was (cosine above "
            "0.95)."
            f"{_tried(probed)}")  # fmt: skip
    return Finding(text, 0.4 + len(quiet) / len(cosines))


def _tried(probed: Probed) -> str:
    """Say what the largest plan that was run left out, and what that cost."""
    for count in range(probed.layers, 0, -1):
        lost = probed.one(f"plan/skip{count}_loss_increase")
        if math.isfinite(lost):
            chosen = [layer for layer, taken in probed.values(f"plan/skip{count}_chosen").items() if taken]
            listed = f"block{'s' if count > 1 else ''} {', '.join(map(str, chosen))}"
            other = probed.one(f"plan/skip{count}_contiguous_loss_increase")
            beside = f" (as many neighbouring ones: {number(other)})" if count > 1 and math.isfinite(other) else ""
            return f" Running without {listed} adds {number(lost)} nats to the loss{beside}."
    return ""


def _lens(probed: Probed) -> Finding | None:
    gaps = probed.values("lens/kl")
    if len(gaps) < 4 or len(gaps) <= probed.layers:  # between layers that were left out, nobody knows where it happens
        return None
    last = max(gaps)
    above = [layer for layer, value in gaps.items() if value > 1.0]
    if not above or max(above) == last:
        return None
    layer = min(layer for layer in gaps if layer > max(above))
    share = layer / last
    when = "only late" if share > 0.8 else "early" if share < 0.4 else "in the middle"
    text = (f"The prediction takes shape {when}: the logit lens is within 1 nat of the final guess from layer {layer} "
            "of "
            f"{last} on.")  # fmt: skip
    return Finding(text, 0.3 + 1.5 * abs(share - 0.6))


def _cosines(probed: Probed) -> Finding | None:
    cosines = probed.values("updates/update_cosine")
    inner = [(layer, value) for layer, value in cosines.items() if layer > 0]
    erasing = [layer for layer, value in inner if value < -0.1]
    adding = [layer for layer, value in inner if value > 0.1]
    if not erasing or not adding or max(erasing) > min(adding):
        return None
    text = (f"Blocks {erasing[0]} to {erasing[-1]} write against the stream they read (erase), blocks {adding[0]} to "
            f"{adding[-1]} along it (reinforce).")  # fmt: skip
    return Finding(text, 0.9)


def _collapse(probed: Probed) -> Finding | None:
    last = probed.layers
    agreement = probed.values("collapse/nc4").get(last)
    chance = probed.measured.profile("collapse/nc4", "chance").get(last)
    if agreement is None or chance is None or chance.value <= 0:
        return None
    text = (f"Nearest class means decide as the output layer does for {number(agreement, percent=True)} of unseen "
            "tokens "
            f"(chance {number(chance.value, percent=True)}).")  # fmt: skip
    return Finding(text, abs(math.log(max(agreement, 1e-6) / chance.value)) / 4)


def _order(probed: Probed) -> Finding | None:
    own, shuffled = probed.values("recency/centred"), probed.values("recency/centred", "shuffled")
    inner = {layer: value for layer, value in own.items() if layer > 0 and layer in shuffled}
    if not inner:
        return None
    layer = max(inner, key=lambda key: inner[key] - shuffled[key])
    gain = inner[layer] - shuffled[layer]
    if gain < 0.1:
        return None
    text = (f"Neighbouring tokens share what they hold: at layer {layer} the cosine with the token before exceeds that "
            f"with the token 16 back by {number(inner[layer])} (shuffled text: "
            f"{number(shuffled[layer])}).")  # fmt: skip
    return Finding(text, 2 * gain)


def _knowledge(probed: Probed) -> Finding | None:
    own, twin = probed.values("knowledge/ridge_r2"), probed.values("knowledge/ridge_r2", "untrained")
    if own:
        layer = max(own, key=lambda key: own[key])
        base = max(twin.values(), default=0.0)
        beside = f" (untrained twin {number(base)})" if twin else ""
        gain = own[layer] - max(0.0, base)
        if gain < 0.1:
            said = f"No layer holds the true map of the graph: the best held-out R² is {number(own[layer])}{beside}."
            return Finding(said, 0.5)
        text = (f"The true map can be read off the names' states linearly: held-out R² {number(own[layer])} at layer "
                f"{layer}{beside}.")  # fmt: skip
        return Finding(text, 3.0 * gain)
    hops = probed.measured.profile("knowledge/cosine")
    if not hops:
        return None
    layer = max(hops, key=lambda key: hops[key].value)
    text = (f"Distances between names follow the graph with a rank correlation of {number(hops[layer].value)} at layer "
            f"{layer}.")  # fmt: skip
    return Finding(text, 2 * abs(hops[layer].value))


def _contexts(probed: Probed) -> Finding | None:
    inside, gap = probed.measured.number("contexts/inside"), probed.one("contexts/gap")
    chance, beside = (probed.measured.number(f"contexts/{name}", "chance") for name in ("inside", "gap"))
    if inside is None or chance is None or beside is None:
        return None
    count = number(probed.one("contexts/contexts"))
    text = (f"After the {count} contexts, {number(inside.value, percent=True)} of the model's mass is on "
            f"tokens that were counted there (frequencies alone: {number(chance.value, percent=True)}), and its "
            f"loss is {number(gap)} nats above their entropy ({number(beside.value)}).")  # fmt: skip
    return Finding(text, abs(math.log(max(1e-6, gap) / max(1e-6, beside.value))))


RULES: tuple[Callable[[Probed], Finding | None], ...] = (
    _sinks, _rank, _spread, _anisotropy, _first_block, _quiet_blocks, _lens, _cosines, _collapse, _order, _knowledge,
    _contexts,
)  # fmt: skip
