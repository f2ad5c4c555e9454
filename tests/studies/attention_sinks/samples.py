"""Evidence of the three experiments, as a run would have left it."""

from __future__ import annotations

import numpy as np

from geomem.studies.attention_sinks.checkpoint import COSINE, RANK, WITH_SINKS
from geomem.studies.attention_sinks.planted import KAPPAS
from geomem.studies.attention_sinks.predicates import MODEL, NETWORK, STREAMS
from geomem.studies.attention_sinks.settings import SMOKE
from tests.studies.written import Written, row


def streams(*, seeds: int = 2, **wrong: dict[int, float]) -> Written:
    """The detector's answers, all right but for `wrong`: metric -> kappa -> value."""
    right = {"range_off": 0.0, "missed": 0.0, "false": 0.0}
    rows = [
        row(f"planted/{name}", wrong.get(name, {}).get(kappa, value), step=kappa)
        for kappa in KAPPAS
        for name, value in {**right, "flagged": 2.0 * (kappa > 20), "lifetime": 4.0 * (kappa > 20)}.items()
    ]
    return Written("planted-streams", {(STREAMS, seed): rows for seed in range(seeds)}, SMOKE)


def network(lifetime: float = 0.95, score: float = 1.0) -> Written:
    """Rank correlations, and three sizes."""
    rows = [row("network/lifetime_spearman", lifetime), row("network/score_spearman", score)]
    rows += [row("network/score_without", 0.02)]
    rows += [row(f"network/{name}", 1.0 + step, step=step) for name in ("size", "lifetime", "score") for step in (0, 1)]
    return Written("planted-network", {(NETWORK, 0): rows}, SMOKE)


def model(
    *, weights: float = 135e6, attention: float = 0.4, share: float = 0.8, untrained: float = 0.02, rank: float = 0.9,
    cosine: float = 0.01, secondary: bool = True, maps: bool = True,
) -> Written:  # fmt: skip
    """A model of four blocks; secondary: it has secondary sinks; maps: it has attention weights."""
    numbers = {"sinks/parameters": weights, "sinks/massive_share": share, "masking/rank": rank,
               "masking/cosine": cosine, "sinks/middle_attention": attention}  # fmt: skip
    rows = [row(name, value) for name, value in numbers.items()]
    rows += [row("sinks/middle_attention", untrained, condition="untrained"),
             row("sinks/massive_share", 0.0, condition="untrained")]  # fmt: skip
    for layer in range(4):
        for condition in ("", "untrained"):
            if maps:
                rows.append(row("sinks/first_token", 0.1 * layer, layer=layer, condition=condition))
            rows.append(row("sinks/norm_ratio", 1.0 + layer, layer=layer, condition=condition))
        for condition in ("", WITH_SINKS):
            rows += [row(metric, 3.0 + layer, layer=layer, condition=condition) for metric in (RANK, COSINE)]
        for condition in ("", "primary", "others", "chance") if secondary and maps else ():
            rows.append(row("sinks/score", 0.05 * layer, layer=layer, condition=condition))
    if secondary:
        rows += [row("attention/level_1_2", 3.0), row("attention/level_2_2", 1.0), row("pathway/sinks", 4.0)]
        rows += [row(f"pathway/{step}", 0.3 * place, step=place, condition=condition)
                 for place, step in enumerate(("input", "up", "output")) for condition in ("", "others")]  # fmt: skip
        rows += [row(f"causal/{name}", 1.0 + step, step=step) for name in ("multiple", "lifetime", "score")
                 for step in (0, 1)]  # fmt: skip
    places = {"places": np.exp(np.arange(4 * 6, dtype=np.float64).reshape(4, 6) / 6)}
    return Written("checkpoint", {(MODEL, 0): rows}, SMOKE, {(MODEL, 0): places})
