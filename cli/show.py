"""`mistakes show`: one problem, its solution with the mistakes struck through, and what a model sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import data as data_options

if TYPE_CHECKING:
    from rich.text import Text

    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.corpus.written import Written
    from igsm.mistakes.document import Document, MistakeSpan
    from igsm.mistakes.layout import Layout
    from igsm.mistakes.source import DocumentSource

_PLAIN, _STEP, _NAME = range(3)
_STYLES = ("", "yellow", "red strike")
_MARKS = (" ", "s", "p")
RATE = 0.5
"""Of mistakes where a kind is given without one."""
_TOKEN_WIDTH = 20  # letters of an id and its text


def command(
    difficulty: Annotated[str, typer.Option(help="nano, mini, trio, quad, wide, easy, med or hard.")] = "med",
    kind: Annotated[str, typer.Option(help=data_options.KIND_HELP)] = "none",
    rate: Annotated[
        float | None,
        typer.Option("--rate", "--retry-rate", help="Chance of a mistake before a step, [0, 1); with --kind: 0.5."),
    ] = None,
    mix: data_options.Mix = None,
    include_current: Annotated[bool, typer.Option(help="retry_weak may also name the very step that follows.")] = False,
    seed: Annotated[int, typer.Option(help="The random stream.")] = 1,
    index: Annotated[int, typer.Option(help="Which problem of the stream, or window of the block.", min=0)] = 0,
    op: Annotated[int | None, typer.Option(help="Exactly this many operations.")] = None,
    form: Annotated[str, typer.Option("--format", help="pq, or qp: the question first.")] = "pq",
    split: Annotated[str, typer.Option(help="train or test: bins of the template hash.")] = "train",
    reask: Annotated[str, typer.Option(help="Ask another parameter: none, loose or strict.")] = "none",
    where: data_options.Where = None,
    lexicon: Annotated[str | None, typer.Option(help="full, nano, or a file of names (JSON or YAML).")] = None,
    method: Annotated[str, typer.Option(help="What a document looks like: see `mistakes methods`.")] = "retry",
    tokens: Annotated[bool, typer.Option("--tokens", help="Show the token ids and the loss mask.")] = False,
    graph: Annotated[
        Path | None,
        typer.Option(help="Draw structure and dependency graph into this file (.png, .pdf, .svg); replaces it."),
    ] = None,
    boxes: Annotated[bool, typer.Option("--boxes", help="A box-over-box toy problem instead.")] = False,
    block: Annotated[
        int | None,
        typer.Option(help="Window --index of this block of training data instead, token by token.", min=0),
    ] = None,
) -> None:
    """Print one problem, its solution and its mistakes."""
    from cli.terminal import console as screen
    from igsm.compilation import announce_compilation
    from igsm.config import build_config
    from igsm.corpus.config import DataConfig
    from igsm.errors import InputError
    from igsm.mistakes.config import MistakeConfig
    from igsm.mistakes.layout import PLAIN
    from igsm.mistakes.source import DocumentSource
    from igsm.problems.difficulty import ProblemConfig

    if graph is not None and (boxes or block is not None):
        what = "a block has many" if block is not None else "a box-over-box problem has none"
        raise InputError(f"--graph draws one problem's graphs; {what}")
    if graph is not None:
        if not graph.parent.is_dir():
            raise InputError(f"--graph {graph}: there is no folder {graph.parent}")
        if graph.suffix not in (".png", ".pdf", ".svg"):
            raise InputError(f"--graph {graph}: the name must end with .png, .pdf or .svg")
    if rate is None and kind != "none":
        rate = RATE
    settings = {"difficulty": difficulty, "op": op, "format": form, "split": split, "reask": reask}
    settings |= {"where": where, "lexicon": lexicon}
    config = build_config(ProblemConfig, settings, "show")
    chosen = {"kind": kind, "rate": rate or 0.0, "include_current": include_current, "mix": mix}
    mistakes = build_config(MistakeConfig, chosen, "show").resolved()
    corpus: dict[str, Any] = {"problem": config, "mistakes": mistakes, "method": {"name": method}}
    corpus["corpus"] = "boxes" if boxes else "igsm"
    layout = build_config(DataConfig, corpus, "show").method.layout()
    announce_compilation()
    console = screen()
    console.soft_wrap = not console.is_terminal
    if block is not None:
        corpus |= {"context": config.problem_class.context, "seed": seed}
        _print_window(console, build_config(DataConfig, corpus, "show"), block, index)
        return
    source = DocumentSource(config, mistakes, seed)
    document = _boxes(config, seed, index) if boxes else source.document(index)
    _print(console, document, rate)
    if tokens or layout != PLAIN:
        _print_layout(console, document, layout, source, index, tokens)
    if graph is not None and document.problem is not None:
        from igsm.reporting.graph_drawing import draw

        draw(document.problem, graph)
        console.print(f"graph    {graph}")


def _boxes(config: Any, seed: int, index: int) -> Document:
    import numpy as np

    from igsm.mistakes.document import Document
    from igsm.problems.boxes import write_boxes
    from igsm.problems.lexicon import load_lexicon
    from igsm.problems.wording import MAX_FRAGMENTS
    from igsm.seeds import derive_key

    codes = np.empty(MAX_FRAGMENTS, np.int32)
    ends = write_boxes(derive_key("boxes", seed, index), 0, codes)
    return Document.of_boxes(load_lexicon(config.problem_class.lexicon), codes, ends)


def _print(console: Any, document: Document, rate: float | None) -> None:
    from rich.text import Text

    console.print(Text.assemble(("problem ", "bold"), document.problem_text))
    console.print()
    solution = Text.assemble(("solution ", "bold"))
    position = document.problem_end
    for span in document.spans:
        solution.append(document.text(position, span.start))
        _append_struck(solution, document, span, console.is_terminal)
        position = span.end
    solution.append(document.text(position, document.solution_end))
    console.print(solution)
    console.print()
    console.print(Text.assemble(("answer  ", "bold"), f" {document.answer}"))
    if document.problem is not None:
        mistakes = "no mistakes" if rate is None else f"{len(document.spans)} mistakes at rate {rate:g}"
        console.print(Text.assemble(("facts   ", "bold"), f" {document.op} operations, {mistakes}"))
    if document.spans and console.is_terminal:
        taken_back, wrong = ("red, struck through", "red strike"), ("bold", "bold red strike")
        meanings = (taken_back, ": taken back by BACK; ", wrong, ": what is wrong in it")
        console.print(Text.assemble(("colours ", "bold"), " ", *meanings))


def _append_struck(text: Text, document: Document, span: MistakeSpan, is_terminal: bool) -> None:
    """Strike what is taken back through, the wrong words in bold; without a terminal, between ~~ and ~~."""
    text.append(" " if is_terminal else " ~~")
    text.append(document.text(span.start, span.name_start).lstrip(), style="red strike")
    text.append(document.text(span.name_start, span.name_end), style="bold red strike")
    text.append(document.text(span.name_end, span.end), style="red strike")
    text.append("" if is_terminal else "~~")


def _print_layout(
    console: Any, document: Document, layout: Layout, source: DocumentSource, index: int, tokens: bool
) -> None:
    """The document as training sees it, in each of the layout's variants: as text, or token by token."""
    from rich.text import Text

    from igsm.corpus.documents import draw_attempt
    from igsm.corpus.rows import rows_of
    from igsm.corpus.vocabulary import load_vocabulary
    from igsm.corpus.written import written_of
    from igsm.mistakes.layout import has_attempt
    from igsm.problems.law import law_of
    from igsm.seeds import derive_key

    vocabulary, written = load_vocabulary(source.config), written_of(document)
    attempted = False
    if document.problem is not None:
        state, rows = derive_key("attempts", source.seed, source.stream_name, index), rows_of(layout, vocabulary)
        record, law = source.record(index), law_of(source.config)
        attempted = draw_attempt(record, source.lexicon, rows, written, state, law)
    if layout.moduli:
        here = law_of(source.config).modulus
        console.print(f"\nHere modulo {here}; in training each window has one of {layout.moduli}.")
    for variant, (share, its_rows) in enumerate(layout.variants):
        if has_attempt(its_rows) and not attempted:
            continue
        shown = list(_tokens(written, layout, variant, vocabulary))
        console.print()
        if len(layout.variants) > 1:
            console.print(
                f"document {variant + 1} of {len(layout.variants)}, in {share:.0%} of the corpus", style="bold"
            )
        if tokens:
            _print_tokens(console, shown)
        else:
            words = (f" {text}" if token in _marks() else text for token, text, _ in shown)
            console.print(Text("".join(words)))  # to rich, "[good]" in a string is a style


def _print_window(console: Any, config: DataConfig, number: int, window: int) -> None:
    """A window of a block, as training reads it."""
    from igsm.corpus.blocks import block
    from igsm.corpus.vocabulary import load_vocabulary
    from igsm.errors import InputError

    if window >= config.windows_per_block:
        raise InputError(f"--index {window}: a block has windows 0 to {config.windows_per_block - 1}")
    made = block(config, number)
    _print_tokens(console, list(_named(made.tokens[window], made.roles[window], load_vocabulary(config.problem))))


def _print_tokens(console: Any, rows: list[tuple[int, str, int]]) -> None:
    """GPT-2 ids with their texts; marks say what label masking takes out of the loss."""
    from rich.text import Text

    console.print(
        Text.assemble(
            ("tokens  ", "bold"),
            f" {len(rows)}; no loss with label masking 'step' on ",
            ("s", _STYLES[_STEP]),
            " and ",
            ("p", _STYLES[_NAME]),
            ", with 'parameter' on ",
            ("p", _STYLES[_NAME]),
        )
    )
    per_line = max(1, (console.width - 6) // _TOKEN_WIDTH)
    for first in range(0, len(rows), per_line):
        line = Text(f"{first:5} ")
        for token, text, masked in rows[first : first + per_line]:
            shown = text if token in _marks() else repr(text)
            line.append(f" {token:5}{_MARKS[masked]}{shown:<13}", style=_STYLES[masked])
        line.rstrip()
        console.print(line)


def _tokens(written: Written, layout: Layout, variant: int, vocabulary: Vocabulary) -> Iterator[tuple[int, str, int]]:
    from igsm.corpus.documents import lay_out

    yield from _named(*lay_out(written, layout, vocabulary, variant), vocabulary)


def _named(tokens: Any, roles: Any, vocabulary: Vocabulary) -> Iterator[tuple[int, str, int]]:
    """(GPT-2 id, its text, whether and how it is masked) for each token."""
    from igsm.mistakes.layout import Role

    for token, role in zip(tokens.tolist(), roles.tolist(), strict=True):
        masked = _NAME if role & Role.MISTAKE_WORD else _STEP if role & Role.MISTAKE_STEP else _PLAIN
        yield token, _marks().get(token) or vocabulary.decode([vocabulary.from_gpt2[token]]), masked


@lru_cache
def _marks() -> dict[int, str]:
    """What stands for the ids that are no text."""
    from igsm.mistakes.layout import Mark

    return {int(mark): f"[{mark.name.lower()}]" for mark in Mark}
