"""The study's exhibits: what was simulated, over what the closed forms say. The report draws them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geomem.errors import RunError
from geomem.geometry.deep_linear import mode_strength
from geomem.numbers import number
from geomem.runs.exhibits import (
    BarPanel,
    Bars,
    BarSeries,
    Cell,
    Curves,
    Exhibit,
    ProfilePanel,
    Profiles,
    Reference,
    Series,
    Table,
)
from geomem.studies.bands import band
from geomem.studies.deep_linear_dynamics.own import NAMES
from geomem.studies.deep_linear_dynamics.predicates import (
    CONTROL,
    DEPTH,
    HIERARCHY,
    MODES,
    NEXT_TOKEN,
    OWN,
    STARTS,
)
from geomem.studies.deep_linear_dynamics.settings import Settings
from geomem.studies.deep_linear_dynamics.starts import KINDS
from geomem.studies.evidence import Evidence

SEEDS = "Line: mean over seeds; band: their range."
DRAWN = 6
"""Modes of a user's data that are drawn; the table has all."""


def mode_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """Strengths over their sigmoids, half-times against 1 / s, and the numbers."""
    own = _settings(evidence).modes
    lines = _over_theory(evidence, MODES, "sigmoid", own.singular_values, own.start, 2)
    return [
        Curves(
            id="modes-sigmoid", title="Every mode follows its own sigmoid", experiment="modes", order=0, hero=True,
            series=lines, x_label="time (steps × learning rate)", y_label="strength u",
            caption="Solid: gradient descent from a decoupled balanced start. Dashed: the closed form.",
        ),
        _half_times(evidence),
        _mode_table(evidence),
    ]  # fmt: skip


def _over_theory(
    evidence: Evidence, condition: str, group: str, spectrum: Sequence[float], start: float, depth: int
) -> tuple[Series, ...]:
    """Return, for the first seed, a simulated and a dashed exact line a mode."""
    arrays = evidence.arrays(condition, evidence.seeds(condition)[0])
    times = torch.from_numpy(arrays[f"{group}/times"].copy())
    values = torch.tensor(spectrum, dtype=torch.float64)
    theory = mode_strength(times[:, None], values, torch.full_like(values, start), depth).numpy()
    names = [f"s = {value:g}" for value in spectrum]
    # Lines that lie on each other are told apart by their colour alone.
    return _pairs(names, times.numpy(), arrays[f"{group}/strengths"], theory, "theory", shift=len(names))


def _pairs(
    names: Sequence[str], times: NDArray[Any], solid: NDArray[Any], dashed: NDArray[Any], dashes: str, shift: int = 0
) -> tuple[Series, ...]:
    """Return a solid and a dashed line for each column, the dashes `shift` colours on: 0 for the same colour."""
    lines: list[Series] = []
    x = tuple(times.tolist())
    for place, name in enumerate(names):
        lines.append(Series(name=name, x=x, y=tuple(solid[:, place].tolist()), colour=place))
    for place, name in enumerate(names):
        column = tuple(dashed[:, place].tolist())
        lines.append(Series(name=f"{name}, {dashes}", x=x, y=column, colour=place + shift, dashed=True))
    return tuple(lines)


def _half_times(evidence: Evidence) -> Curves:
    own = _settings(evidence).modes
    x = [1 / value for value in own.singular_values]
    lines = [
        band("decoupled start", x, _by_seed(evidence, MODES, "sigmoid/half_time")),
        band("decoupled start, theory", x, _by_seed(evidence, MODES, "sigmoid/half_time", "theory"), dashed=True),
        *(band(f"random, size {std:g}", x, _by_seed(evidence, MODES, f"random/{std:g}/half_time")) for std in own.stds),
    ]
    return Curves(
        id="modes-half-times", title="Strong structure first", experiment="modes", order=1, series=tuple(lines),
        x_label="1 / singular value", y_label="time of half strength",
        caption=f"Straight lines through the origin but for a logarithm of s / u0. {SEEDS}",
    )  # fmt: skip


def _mode_table(evidence: Evidence) -> Table:
    words = {
        "sigmoid/error": "decoupled: largest |u - theory| / s",
        "sigmoid/error_at_half_the_step": "the same at half the learning rate",
        "sigmoid/off_diagonal": "decoupled: energy off the diagonal at the end",
        "sigmoid/drift": "decoupled: change of W1 W1ᵀ - W2ᵀ W2",
        "unbalanced/time": "unbalanced: time, simulated",
        "unbalanced/theory": "unbalanced: time, closed form",
        "unbalanced/drift": "unbalanced: change of a² - b²",
    }
    for std in _settings(evidence).modes.stds:
        words[f"random/{std:g}/fitted_error"] = f"random, size {std:g}: error of half-times, start fitted on the first"
        words[f"random/{std:g}/read_error"] = f"random, size {std:g}: error of half-times, starts read off the weights"
    return Table(
        id="modes-table", title="How near the closed forms are", experiment="modes", order=2,
        columns=("quantity", "mean over seeds", "smallest", "largest"),
        rows=tuple((text, *_spread(evidence, MODES, name)) for name, text in words.items()),
    )  # fmt: skip


def depth_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """Time against depth, full matrices over their closed form, and iterations from three kinds of start."""
    settings = _settings(evidence)
    own = settings.depths
    made: list[Exhibit] = []
    if DEPTH in evidence.conditions:
        seed = evidence.seeds(DEPTH)[0]
        depths, found = evidence.profile(DEPTH, seed, "depth/time")
        _, exact = evidence.profile(DEPTH, seed, "depth/time", control="theory")
        limit = evidence.measured(DEPTH, "depth/limit")[seed]
        x = tuple(map(float, depths))
        made += [
            Curves(
                id="depth-times", title="Learning time stays finite as the depth grows", experiment="depth", order=0,
                hero=True, log_x=True, x_label="depth D", y_label="D × time",
                series=(Series(name="simulated", x=x, y=tuple(found)),
                        Series(name="closed form", x=x, y=tuple(exact), dashed=True)),
                references=(Reference(name="limit", value=limit),),
                caption=f"One mode of singular value {own.singular_value:g} from strength {own.start:g} to "
                f"{own.reach:g}. The best learning rate falls as 1 / D, so this counts iterations.",
            ),
            Curves(
                id="depth-matrices", title=f"Full matrices of depth {own.matrices}", experiment="depth", order=1,
                series=_over_theory(evidence, DEPTH, "matrices", own.spectrum, own.small, own.matrices),
                x_label="time (steps × learning rate)", y_label="strength u",
                caption="Solid: gradient descent, random orthogonal inner bases. Dashed: the equation of one mode.",
            ),
        ]  # fmt: skip
    if STARTS in evidence.conditions:
        made += [_iterations(evidence), _spreads(evidence)]
    return made


def _iterations(evidence: Evidence) -> Curves:
    own = _settings(evidence).starts
    lines = [band(kind, [float(one) for one in own.depths], _by_seed(evidence, STARTS, f"starts/{kind}"))
             for kind in KINDS]  # fmt: skip
    return Curves(
        id="depth-starts", title="Iterations at the best learning rate", experiment="depth", order=2, log_x=True,
        log_y=True, series=tuple(lines), references=(Reference(name="budget", value=float(own.budget)),),
        x_label="depth D", y_label="iterations",
        caption=f"Until {own.goal:.0%} of the initial loss is left, at the best of {len(own.rates)} learning rates. "
        f"All starts have products of one Frobenius norm. {SEEDS}",
    )  # fmt: skip


def _spreads(evidence: Evidence) -> Table:
    own = _settings(evidence).starts
    rows: list[tuple[Cell, ...]] = []
    for depth in own.depths:
        cells: list[Cell] = [depth]
        for kind in KINDS:
            iterations = _layer(evidence, STARTS, f"starts/{kind}", depth)
            budget = statistics.fmean(one >= own.budget for one in iterations)
            cells.append(f"{'≥ ' if budget else ''}{number(statistics.fmean(iterations))}")
        cells.append(statistics.median(_layer(evidence, STARTS, "starts/gaussian/spread", depth)))
        rows.append(tuple(cells))
    return Table(
        id="depth-starts-table", title="Iterations, and how uneven a Gaussian product is", experiment="depth", order=3,
        columns=("depth", *KINDS, "Gaussian: σ₁ / σᵣ, median"), rows=tuple(rows),
        caption=f"σᵣ is the {len(own.spectrum)}th singular value of the product at the start: as many as the data has "
        "modes. An orthogonal product has 1. ≥: a seed came to the end of its budget.",
    )  # fmt: skip


def hierarchy_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """The spectrum by level, the stages of learning, and both in a table."""
    own = _settings(evidence).hierarchy
    levels = range(len(own.branching) + 1)
    arrays = evidence.arrays(HIERARCHY, evidence.seeds(HIERARCHY)[0])
    shown = [level for level in levels if np.isfinite(arrays["stages/linear"][:, level]).all()]
    stages = _pairs([f"level {level}" for level in shown], arrays["stages/times"], arrays["stages/linear"][:, shown],
                    arrays["stages/tanh"][:, shown], "tanh")  # fmt: skip
    return [
        Bars(
            id="hierarchy-spectrum", title="One eigenvalue a level", experiment="hierarchy", order=1,
            panels=(BarPanel(title="Eigenvalues of the covariance of items", categories=tuple(map(str, levels)),
                             series=tuple(_eigenvalues(evidence, levels))),),
            x_label="level of the tree",
            caption=f"{own.features} features on a tree of branching {_words(own.branching)}, flipped with probability "
            f"{own.flip:g} on every edge. Bars: mean over seeds; whiskers: their range.",
        ),
        Curves(
            id="hierarchy-stages", title="From the root down, in stages", experiment="hierarchy", order=0, hero=True,
            series=stages, x_label="time (steps × learning rate)", y_label="strength / singular value",
            caption="Mean strength of the modes of each level, one seed. Solid: a linear network from small random "
            "weights. Dashed: a tanh network from the same weights.",
        ),
        _level_table(evidence),
    ]  # fmt: skip


def _eigenvalues(evidence: Evidence, levels: Sequence[int]) -> Iterator[BarSeries]:
    for name, control in (("drawn features", ""), ("formula", "theory")):
        found = [_layer(evidence, HIERARCHY, "spectrum/eigenvalue", level, control) for level in levels]
        low, high = (tuple(map(end, found)) for end in (min, max))
        means = tuple(map(statistics.fmean, found))
        yield BarSeries(name=name, values=means) if control else BarSeries(name=name, values=means, low=low, high=high)


def _words(branching: Sequence[int]) -> str:
    return " × ".join(map(str, branching))


def _level_table(evidence: Evidence) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for level in range(len(_settings(evidence).hierarchy.branching) + 1):

        def mean(metric: str, control: str = "", level: int = level) -> float:
            return statistics.fmean(_layer(evidence, HIERARCHY, metric, level, control))

        s, half = mean("stages/singular_value"), mean("stages/half_time")
        rows.append((
            level, round(mean("spectrum/multiplicity")), mean("spectrum/eigenvalue", "theory"),
            mean("spectrum/eigenvalue"), s, half, mean("stages/half_time", "theory"), mean("stages/half_time", "tanh"),
            s * half,
        ))  # fmt: skip
    return Table(
        id="hierarchy-table", title="Level by level", experiment="hierarchy", order=2, rows=tuple(rows),
        columns=("level", "modes", "λ, formula", "λ, drawn", "s", "half-time", "told by the weights", "tanh",
                 "s × half-time"),
        caption="Means over seeds. Told by the weights: half-times from the initial weights alone.",
    )  # fmt: skip


def control_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """The same data learned by one matrix and by two."""
    own = _settings(evidence).modes
    arrays = evidence.arrays(CONTROL, evidence.seeds(CONTROL)[0])
    panels: list[ProfilePanel] = []
    for group, title in (("single", "one matrix"), ("double", "two matrices")):
        x = tuple(arrays[f"{group}/times"].tolist())
        lines = [Series(name=f"s = {value:g}", x=x, y=tuple(arrays[f"{group}/strengths"][:, place].tolist()))
                 for place, value in enumerate(own.singular_values)]  # fmt: skip
        spread = statistics.fmean(evidence.measured(CONTROL, f"{group}/spread").values())
        panels.append(ProfilePanel(title=f"{title}: half-times differ by {number(spread, percent=True)}",
                                   series=tuple(lines)))  # fmt: skip
    return [
        Profiles(
            id="control-depth", title="Stages are what depth adds", experiment="control", panels=tuple(panels),
            x_label="time (steps × learning rate)",
            caption="Strength over singular value. In one matrix all modes lie on one line.",
        )
    ]  # fmt: skip


def next_token_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """The time at which logits learn each mode of the centred support, against its singular value."""
    seeds = evidence.seeds(NEXT_TOKEN)
    lines: list[Series] = []
    for control, name in (("", "seed {}, trained"), ("theory", "seed {}, told")):
        for seed in seeds if not control else seeds[:1]:
            _, values = evidence.profile(NEXT_TOKEN, seed, "next-token/singular_value")
            _, times = evidence.profile(NEXT_TOKEN, seed, "next-token/time", control=control)
            lines.append(Series(name=name.format(seed), x=tuple(values), y=tuple(times), dashed=bool(control)))
    order = statistics.fmean(evidence.measured(NEXT_TOKEN, "next-token/order").values())
    return [
        Curves(
            id="next-token-times", title="Next tokens: larger singular values of the centred support first",
            experiment="next-token", order=0, series=tuple(lines), x_label="singular value of the centred support",
            y_label="time until logits are one apart", log_x=True,
            caption=f"Cross-entropy, a free vector for every token and context. Rank correlation {number(order)}, mean "
            "over seeds. Told: from the initial vectors, as if logits stayed small.",
        )
    ]  # fmt: skip


def own_pictures(evidence: Evidence) -> Sequence[Exhibit]:
    """The modes of the user's data over what the initial weights tell, and what they set apart."""
    seed = evidence.seeds(OWN)[0]
    arrays = evidence.arrays(OWN, seed)
    count = min(DRAWN, arrays["own/strengths"].shape[1])
    order = statistics.fmean(evidence.measured(OWN, "own/order").values())
    names = [f"mode {mode + 1}" for mode in range(count)]
    lines = _pairs(names, arrays["own/times"], arrays["own/strengths"], arrays["own/theory"], "told")
    return [
        Curves(
            id="own-modes", title=f"The order of learning of {_settings(evidence).data}", experiment="own", order=0,
            series=lines, x_label="time × largest singular value", y_label="strength / singular value",
            caption="Solid: gradient descent from small random weights. Dashed: the sigmoid that the initial weights "
            f"tell. Rank correlation of half-times over all modes followed: {number(order)}.",
        ),
        _own_table(evidence, seed),
    ]  # fmt: skip


def _own_table(evidence: Evidence, seed: int) -> Table:
    try:
        said = json.loads((evidence.cells[OWN, seed] / NAMES).read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{NAMES} of the user's data cannot be read: {error.strerror}") from None
    rows: list[tuple[Cell, ...]] = []
    for mode, words in enumerate(said):
        s, told, found = (
            _layer(evidence, OWN, f"own/{name}", mode, control)[0]
            for name, control in (("singular_value", ""), ("half_time", "theory"), ("half_time", ""))
        )
        rows.append((mode + 1, s, told, found, _apart(words, "inputs"), _apart(words, "outputs")))
    return Table(
        id="own-table", title="What each mode sets apart", experiment="own", order=1, rows=tuple(rows),
        columns=("mode", "s / s₁", "half-time, told", "half-time, simulated", "inputs", "outputs"),
        caption="The inputs and outputs that weigh most, those of the other sign after the bar. Times in units of "
        "1 / s₁. –: not reached in the steps allowed.",
    )  # fmt: skip


def _apart(words: dict[str, list[str]], side: str) -> str:
    return " | ".join(", ".join(part) for part in (words[side], words[f"{side}_against"]) if part)


def _settings(evidence: Evidence) -> Settings:
    return evidence.settings


def _by_seed(evidence: Evidence, condition: str, metric: str, control: str = "") -> dict[int, list[float]]:
    return {seed: evidence.profile(condition, seed, metric, control=control)[1] for seed in evidence.seeds(condition)}


def _layer(evidence: Evidence, condition: str, metric: str, layer: int, control: str = "") -> list[float]:
    return list(evidence.measured(condition, metric, layer, control=control).values())


def _spread(evidence: Evidence, condition: str, metric: str) -> tuple[float, float, float]:
    values = list(evidence.measured(condition, metric).values())
    return statistics.fmean(values), min(values), max(values)
