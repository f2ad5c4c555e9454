"""The study's exhibits, experiment by experiment. The report draws them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from geomem.runs.exhibits import Cell, Curves, Exhibit, Heatmap, HeatmapPanel, Reference, Series, Table
from geomem.studies.evidence import Evidence
from geomem.studies.implicit_geometry_ntp.collapse import DIRECTIONAL, EMBEDDINGS
from geomem.studies.implicit_geometry_ntp.collapse import FREQUENCIES as FREQUENCIES_ALONE
from geomem.studies.implicit_geometry_ntp.corpus import corpus
from geomem.studies.implicit_geometry_ntp.panels import (
    CLOSED_FORM,
    SEEDS,
    SOLVED,
    Shown,
    along_path,
    course,
    gram_maps,
    logit_maps,
    matrix_rows,
    spectra,
)
from geomem.studies.implicit_geometry_ntp.predicates import FIXED, GROUPS, SUPPORTS, TEXT, TRANSFORMER
from geomem.studies.implicit_geometry_ntp.readings import PROXY
from geomem.studies.implicit_geometry_ntp.settings import Settings
from geomem.studies.implicit_geometry_ntp.symmetric import CONDITIONS, FREQUENCIES, SHARES

WORDS = {"uniform": "all even", FREQUENCIES: "frequencies uneven", SHARES: "frequencies and contexts uneven"}


def symmetric(evidence: Evidence) -> Sequence[Exhibit]:
    """Courses of descent, the split logits, Gram matrices, spectra and the ridge path."""
    settings: Settings = evidence.settings
    own = settings.symmetric
    tokens = [chr(ord("A") + place) for place in range(own.vocabulary)]
    contexts = ["".join(chosen) for chosen in combinations(tokens, own.subset)]
    arrays = evidence.arrays(FREQUENCIES, evidence.seeds(FREQUENCIES)[0])
    shown = Shown(CLOSED_FORM, tokens, contexts)
    gaps = [course(evidence, one, "descent/gap", WORDS[one]) for one in CONDITIONS]
    distances: list[Series] = []
    for colour, one in enumerate(CONDITIONS):
        for name, words, dashed in (("directional", "growing part", False), ("logits", "L itself", True)):
            line = course(evidence, one, f"descent/cosine_{name}", f"{words}, {WORDS[one]}", control="distance",
                          dashed=dashed)  # fmt: skip
            distances.append(line.model_copy(update={"colour": colour}))
    return [
        *logit_maps(evidence, arrays, shown, order=0, hero=True, state="frequencies uneven"),
        Curves(id="symmetric-gap", title="Loss above its floor", experiment="symmetric", order=2, series=tuple(gaps),
               log_x=True, log_y=True, y_label="entropy gap, nats",
               caption=f"Gradient descent on free word and context vectors, {len(contexts)} contexts. {SEEDS}"),
        Curves(id="symmetric-cosines", title="Cosine with L_mm over descent", experiment="symmetric", order=3,
               log_x=True, y_label="cosine", series=tuple(
                   course(evidence, one, "descent/cosine_directional", WORDS[one]) for one in CONDITIONS),
               caption=f"Of the growing part, L - P_F L. {CLOSED_FORM} {SEEDS}"),
        Curves(id="symmetric-distance", title="Distance of directions over descent", experiment="symmetric", order=4,
               log_x=True, log_y=True, y_label="|A/|A| - L_mm/|L_mm||", series=tuple(distances),
               caption=f"The same as sqrt(2 - 2 cos), where small differences show. {CLOSED_FORM} {SEEDS}"),
        *gram_maps(evidence, arrays, shown, order=5),
        _path_table(evidence),
    ]  # fmt: skip


def _path_table(evidence: Evidence) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for condition in CONDITIONS:
        seed = evidence.seeds(condition)[0]
        columns = [evidence.profile(condition, seed, f"path/{name}")[1] for name in
                   ("gap_per_ridge", "nuclear_norm", "finite_error", "cosine_directional", "certificate")]  # fmt: skip
        columns[3] = [1 - value for value in columns[3]]
        columns[4] = [abs(value - 1) for value in columns[4]]
        decades = evidence.profile(condition, seed, "path/gap_per_ridge")[0]
        rows += [(WORDS[condition], f"1e-{decade}", *values)
                 for decade, *values in zip(decades, *columns, strict=True)]  # fmt: skip
    norm = next(iter(evidence.measured(CONDITIONS[0], "target/nuclear_norm").values()))
    return Table(
        id="symmetric-path", title="The ridge path", experiment="symmetric", order=7, rows=tuple(rows),
        columns=("problem", "ridge", "gap / ridge", "|L|_*", "|P_F L - L_in|", "1 - cosine of growing part",
                 "certificate"),
        caption=f"First seed. |L_mm|_* = {norm:.6f}: gap / ridge goes there, and |L|_* grows by {norm:.4f} ln 10 a "
        "decade. certificate: how far the spectral norm of G is from the ridge, relatively; 0 at the global minimum.",
    )  # fmt: skip


def random_supports(evidence: Evidence) -> Sequence[Exhibit]:
    """The stand-in beside the solution, and a trained instance beside both."""
    rows: list[tuple[Cell, ...]] = []
    for seed in evidence.seeds(SUPPORTS):
        columns = [evidence.profile(SUPPORTS, seed, f"instance/{name}")[1] for name in
                   ("vocabulary", "contexts", "nuclear_norm", "ratio", "cosine", "violation", "gap")]  # fmt: skip
        rows += [(seed, int(v), int(m), norm, ratio - 1, 1 - cosine, *rest)
                 for v, m, norm, ratio, cosine, *rest in zip(*columns, strict=True)]  # fmt: skip
    arrays = evidence.arrays(SUPPORTS, evidence.seeds(SUPPORTS)[0])
    return [
        Table(id="random-supports-proxy", title="The centred support beside the NTP-SVM solution",
              experiment="random-supports", order=10, rows=tuple(rows),
              columns=("seed", "V", "m", "|L_mm|_*", "excess", "1 - cosine", "violation", "duality gap"),
              caption="excess: nuclear norm of the centred support over the certified lower bound, less 1. "
              "violation: largest entry of its U V^T outside the supports; at most 0 where it is optimal."),
        _path_cosines(evidence, SUPPORTS, "random-supports", 11),
        *logit_maps(evidence, arrays, Shown(SOLVED), order=12, state="smallest ridge"),
        *gram_maps(evidence, arrays, Shown(SOLVED), order=14),
        spectra(evidence, arrays, which=SOLVED, order=16, proxy=True),
    ]  # fmt: skip


def _path_cosines(evidence: Evidence, condition: str, experiment: str, order: int) -> Curves:
    names = {"directional": "growing part", "logits": "L itself", "words": "W W^T", "contexts": "H^T H"}
    lines = [along_path(evidence, condition, f"path/cosine_{name}", words) for name, words in names.items()]
    proxy = along_path(evidence, condition, "path/cosine_directional", "growing part, with the centred support",
                       control=PROXY, dashed=True)  # fmt: skip
    return Curves(
        id=f"{experiment}-cosines", title="Cosine with L_mm along the ridge path", experiment=experiment, order=order,
        series=(*lines, proxy), log_x=True, x_label="ridge", y_label="cosine",
        caption=f"{SOLVED} The dashed line has the centred support in its place. {SEEDS}",
    )  # fmt: skip


def collapse(evidence: Evidence) -> Sequence[Exhibit]:
    """Cosines within and between supports along the ridge path, and the cosine matrix at both ends."""
    lines = [along_path(evidence, GROUPS, f"{part}/{name}", f"{words}, {where}", dashed=name == "between")
             for part, words in ((EMBEDDINGS, "H"), (DIRECTIONAL, "L - P_F L"))
             for name, where in (("within", "one support"), ("between", "different supports"))]  # fmt: skip
    ratios = [along_path(evidence, GROUPS, f"{part}/scatter_ratio", words)
              for part, words in ((EMBEDDINGS, "H"), (DIRECTIONAL, "L - P_F L"))]  # fmt: skip
    base = {name: evidence.measured(GROUPS, f"{FREQUENCIES_ALONE}/{name}") for name in ("within", "scatter_ratio")}
    means = {name: sum(values.values()) / len(values) for name, values in base.items()}
    arrays = evidence.arrays(GROUPS, evidence.seeds(GROUPS)[0])
    decades = sorted(int(name.removeprefix("embeddings_")) for name in arrays if name.startswith("embeddings_"))
    groups = tuple(str(int(group)) for group in arrays["groups"])
    return [
        Heatmap(id="collapse-cosines", title="Cosines of contexts, ordered by support", experiment="collapse", order=20,
                panels=(HeatmapPanel(title="frequencies P alone", matrix=matrix_rows(arrays["frequencies"])), *(
                    HeatmapPanel(title=f"H, ridge 1e-{decade}", matrix=matrix_rows(arrays[f"embeddings_{decade}"]))
                    for decade in (decades[0], decades[-1]))),
                row_groups=groups, col_groups=groups, x_label="context", y_label="context", value_label="cosine",
                diverging=True, caption="Contexts between two lines have one support and different frequencies."),
        Curves(id="collapse-curves", title="Contexts of one support point one way", experiment="collapse", order=21,
               series=tuple(lines), log_x=True, x_label="ridge", y_label="mean cosine",
               references=(Reference(name="P itself, one support", value=means["within"]),), caption=SEEDS),
        Curves(id="collapse-scatter", title="Scatter within supports over scatter between", experiment="collapse",
               order=22, series=tuple(ratios), log_x=True, log_y=True, x_label="ridge", y_label="ratio",
               references=(Reference(name="P itself", value=means["scatter_ratio"]),), caption=SEEDS),
    ]  # fmt: skip


def fixed(evidence: Evidence) -> Sequence[Exhibit]:
    """Direction and finite part of the decoder over fixed contexts."""
    return [
        Curves(id="fixed-direction", title="Decoder over fixed contexts: direction", experiment="fixed-embeddings",
               order=30, log_x=True, log_y=True, y_label="distance of directions", series=(
                   course(evidence, FIXED, "descent/cosine_directional", "W - P_F W, descent", control="distance"),
                   course(evidence, FIXED, "descent/cosine_weights", "W itself, descent", control="distance"),
                   course(evidence, FIXED, "normalised/cosine_directional", "W - P_F W, steps of one length",
                          control="distance", dashed=True)),
               caption="From W_mm, the Frobenius-norm NTP-SVM solution over the same contexts (no proxy): "
               f"sqrt(2 - 2 cos). {SEEDS}"),
        Curves(id="fixed-finite", title="Decoder over fixed contexts: log-odds and loss",
               experiment="fixed-embeddings", order=31, log_x=True, log_y=True, y_label="distance or nats", series=(
                   course(evidence, FIXED, "descent/finite_error", "|P_F W - W*|, descent"),
                   course(evidence, FIXED, "descent/gap", "entropy gap, descent"),
                   course(evidence, FIXED, "normalised/finite_error", "|P_F W - W*|, steps of one length",
                          dashed=True)),
               caption="W* is the solution in F whose logits have the log-odds of the frequencies. Steps of one length "
               f"cannot settle there. {SEEDS}"),
    ]  # fmt: skip


def transformer(evidence: Evidence) -> Sequence[Exhibit]:
    """Courses of the small Transformer, and its logits and Gram matrices beside the predictions."""
    seed = evidence.seeds(TRANSFORMER)[0]
    data, arrays = corpus(seed), evidence.arrays(TRANSFORMER, seed)
    numbers = [str(place) for place in range(1, len(data.labels) + 1)]
    shown = Shown(SOLVED, data.next_words, numbers)
    sets = [" ".join(f"{data.next_words[row]} {round(float(data.counts[row, column]))}"
                     for row in data.counts[:, column].nonzero().flatten().tolist())
            for column in range(len(data.labels))]  # fmt: skip
    cosines = [course(evidence, TRANSFORMER, f"training/cosine_{name}", words) for name, words in
               (("rest", "L - L_in"), ("logits", "L itself"), ("words", "W W^T"), ("contexts", "H^T H"))]  # fmt: skip
    return [
        *logit_maps(evidence, arrays, shown, order=40),
        Curves(id="transformer-gap", title="A small Transformer: loss and finite part", experiment="transformer",
               order=42, log_x=True, log_y=True, y_label="nats or distance", series=(
                   course(evidence, TRANSFORMER, "training/gap", "entropy gap"),
                   course(evidence, TRANSFORMER, "training/finite_error", "|P_F L - L_in|")),
               caption=f"Sixteen written contexts, AdamW on all of them at once. {SEEDS}"),
        Curves(id="transformer-cosines", title="A small Transformer: cosine with L_mm", experiment="transformer",
               order=43, log_x=True, y_label="cosine", series=tuple(cosines), caption=f"{SOLVED} {SEEDS}"),
        Curves(id="transformer-collapse", title="A small Transformer: states by support", experiment="transformer",
               order=44, log_x=True, y_label="mean cosine", series=(
                   course(evidence, TRANSFORMER, f"{EMBEDDINGS}/within", "one support"),
                   course(evidence, TRANSFORMER, f"{EMBEDDINGS}/between", "different supports", dashed=True)),
               caption=f"What the output layer reads after the last word of a context. {SEEDS}"),
        *gram_maps(evidence, arrays, shown, order=45),
        Table(id="transformer-contexts", title="The sixteen contexts", experiment="transformer", order=47,
              columns=("number", "context", "next words and how often"),
              rows=tuple(zip(map(int, numbers), data.labels, sets, strict=True)), caption=f"Seed {seed}."),
    ]  # fmt: skip


def text(evidence: Evidence) -> Sequence[Exhibit]:
    """A real text: its sizes, cosines along the ridge path, logits, Gram matrices and spectra."""
    seed = evidence.seeds(TEXT)[0]
    arrays = evidence.arrays(TEXT, seed)
    shown = Shown(
        f"{SOLVED} The {arrays['logits'].shape[1]} most frequent contexts, by support size; tokens by frequency."
    )
    names = {"problem/contexts": "contexts m", "problem/vocabulary": "next-token types V",
             "problem/samples": "samples n", "problem/entropy": "entropy, nats",
             "problem/support_mean": "mean support size", "problem/support_largest": "largest support",
             "problem/supports": "different supports", "target/nuclear_norm": "|L_mm|_*",
             "target/gap": "its relative duality gap", "proxy/ratio": "|centred support|_* over the certified optimum",
             "proxy/cosine": "cosine of centred support and L_mm"}  # fmt: skip
    rows = tuple((words, evidence.measured(TEXT, metric)[seed]) for metric, words in names.items())
    return [
        Table(id="text-sizes", title="The context matrix of the text", experiment="text", order=50,
              columns=("quantity", "value"), rows=rows),
        _path_cosines(evidence, TEXT, "text", 51),
        *logit_maps(evidence, arrays, shown, order=52, state="smallest ridge"),
        *gram_maps(evidence, arrays, shown, order=54),
        spectra(evidence, arrays, which=SOLVED, order=56, proxy=True),
    ]  # fmt: skip
