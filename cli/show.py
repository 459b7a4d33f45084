"""`mistakes show`: one problem, its solution with the mistakes struck through, and what a model sees of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import data as data_options

if TYPE_CHECKING:
    from rich.text import Text

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.mistakes.document import Document, MistakeSpan

_PLAIN, _STEP, _NAME = range(3)
_STYLES = ("", "yellow", "red strike")
_MARKS = (" ", "s", "p")
_TOKEN_WIDTH = 20  # letters of an id and its text


def command(
    difficulty: Annotated[str, typer.Option(help="nano, mini, trio, quad, wide, easy, med or hard.")] = "med",
    kind: Annotated[str, typer.Option(help=data_options.KIND_HELP)] = "none",
    rate: data_options.Rate = None,
    include_current: Annotated[bool, typer.Option(help="retry_weak may also name the very step that follows.")] = False,
    seed: Annotated[int, typer.Option(help="The random stream.")] = 1,
    index: Annotated[int, typer.Option(help="Which problem of the stream.", min=0)] = 0,
    op: Annotated[int | None, typer.Option(help="Exactly this many operations.")] = None,
    form: Annotated[str, typer.Option("--format", help="pq, or qp: the question first.")] = "pq",
    split: Annotated[str, typer.Option(help="train or test: bins of the template hash.")] = "train",
    reask: Annotated[str, typer.Option(help="Ask another parameter: none, loose or strict.")] = "none",
    lexicon: Annotated[str | None, typer.Option(help="full, nano, or a file of names (JSON or YAML).")] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="Show the token ids and the loss mask.")] = False,
    graph: Annotated[
        Path | None,
        typer.Option(help="Draw structure and dependency graph into this file (.png, .pdf, .svg); replaces it."),
    ] = None,
    boxes: Annotated[bool, typer.Option("--boxes", help="A box-over-box toy problem instead.")] = False,
) -> None:
    """Print one problem, its solution and its mistakes."""
    from rich.console import Console

    from igsm.compilation import announce_compilation
    from igsm.config import build_config
    from igsm.errors import InputError
    from igsm.mistakes.config import MistakeConfig
    from igsm.mistakes.source import DocumentSource
    from igsm.problems.difficulty import ProblemConfig

    if boxes and graph is not None:
        raise InputError("--graph draws the problem class's graphs; a box-over-box problem has none")
    settings = {"difficulty": difficulty, "op": op, "format": form, "split": split, "reask": reask, "lexicon": lexicon}
    config = build_config(ProblemConfig, settings, "mistakes show")
    chosen = {"kind": kind, "rate": rate or 0.0, "include_current": include_current}
    mistakes = build_config(MistakeConfig, chosen, "mistakes show")
    announce_compilation()
    document = _boxes(config, seed, index) if boxes else DocumentSource(config, mistakes, seed).document(index)
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal
    _print(console, document)
    if tokens:
        from igsm.corpus.vocabulary import load_vocabulary

        _print_tokens(console, document, load_vocabulary(config))
    if graph is not None and document.problem is not None:
        from igsm.problems.drawing import draw

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


def _print(console: Any, document: Document) -> None:
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
        facts = f" op {document.op}   template bin {document.bin}   mistakes {len(document.spans)}"
        console.print(Text.assemble(("facts   ", "bold"), facts))


def _append_struck(text: Text, document: Document, span: MistakeSpan, is_terminal: bool) -> None:
    """Strike what is taken back through, the wrong words in bold; without a terminal, between ~~ and ~~."""
    text.append(" " if is_terminal else " ~~")
    text.append(document.text(span.start, span.name_start).lstrip(), style="red strike")
    text.append(document.text(span.name_start, span.name_end), style="bold red strike")
    text.append(document.text(span.name_end, span.end), style="red strike")
    text.append("" if is_terminal else "~~")


def _print_tokens(console: Any, document: Document, vocabulary: Vocabulary) -> None:
    """GPT-2 ids with their texts; marks say what label masking takes out of the loss."""
    from rich.text import Text

    rows = list(_tokens(document, vocabulary))
    console.print()
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
            line.append(f" {token:5}{_MARKS[masked]}{text:<13}", style=_STYLES[masked])
        line.rstrip()
        console.print(line)


def _tokens(document: Document, vocabulary: Vocabulary) -> Any:
    """(GPT-2 id, its text, whether and how it is masked) for each token of the document."""
    from igsm.corpus.vocabulary import ANSWER_START, END, PROBLEM_START, SOLUTION_START

    start, ids = vocabulary.fragments
    marks = [_PLAIN] * len(document.codes)
    for span in document.spans:
        marks[span.start : span.end] = [_STEP] * (span.end - span.start)
        marks[span.name_start : span.name_end] = [_NAME] * (span.name_end - span.name_start)
    yield PROBLEM_START, "[problem]", _PLAIN
    for position, code in enumerate(document.codes):
        if position == document.problem_end:
            yield SOLUTION_START, "[solution]", _PLAIN
        if position == document.solution_end:
            yield ANSWER_START, "[answer]", _PLAIN
        for token in ids[start[code] : start[code + 1]]:
            yield int(token), repr(vocabulary.decode([vocabulary.from_gpt2[token]])), marks[position]
    yield END, "[end]", _PLAIN
