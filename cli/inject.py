"""`mistakes inject`: mistakes in other people's step-by-step text, in the formats that trainers take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import Json, console, print_json

if TYPE_CHECKING:
    from igsm.text.convert import Counts
    from igsm.text.tokens import Piece


def command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="JSON lines (.gz too), .json or .parquet; -: standard input."),
    ],
    out: Annotated[Path, typer.Option(help="A new file: .jsonl, or .parquet with --to parquet; -: standard output.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="gsm8k, math, messages, sharegpt, alpaca, prompt-completion, prm800k or steps; auto: by the fields "
            "of a file's first row.",
        ),
    ] = "auto",
    kind: Annotated[
        str,
        typer.Option(
            help="weak: a later step; weak-checked: a later step that needs a number not known yet; shuffle: a step "
            "of another row; number: the step with a wrong result."
        ),
    ] = "weak",
    rate: Annotated[
        float, typer.Option(help="Chance of a mistake before a step, and of a further one after it.")
    ] = 0.2,
    marker: Annotated[str, typer.Option(help="Takes a mistake back.")] = "[BACK]",
    seed: Annotated[int, typer.Option(help="Of the mistakes.")] = 0,
    to: Annotated[
        str,
        typer.Option(
            help="jsonl: as it came; segments: axolotl; labels: token ids and labels; trl: for TRL's SFTTrainer; "
            "preference, stepwise, parquet; or a format."
        ),
    ] = "jsonl",
    mask: Annotated[
        str, typer.Option(help="No loss on: none; mistake: what is wrong; step: the whole wrong step.")
    ] = "none",
    tokenizer: Annotated[
        Path | None, typer.Option(help="Folder of a tokenizer of transformers; labels and trl need one.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that cannot be used.")] = False,
    show: Annotated[
        int, typer.Option(help="Show so many rows with mistakes: what has loss, what has none.", min=0)
    ] = 0,
    workers: Annotated[int, typer.Option(help="Processes; they do not change the output.", min=1)] = 1,
    as_json: Json = False,
) -> None:
    """Put mistakes into solutions, each followed by a marker that takes it back.

    Never after the last step and never into the final answer. A row's mistakes depend on the seed, the row's number and
    its text only (shuffle: on the first 1,000 rows as well).
    """
    from igsm.errors import InputError
    from igsm.progress import bytes_read
    from igsm.text.convert import Counts, convert
    from igsm.text.files import STANDARD
    from igsm.text.inject import Injection
    from igsm.text.targets import must_fit
    from igsm.text.tokens import Tokenizer
    from igsm.training.signals import leaving_on_request

    injection = Injection(kind, rate, marker, seed)
    loaded = None if tokenizer is None else Tokenizer(tokenizer)
    must_fit(to, mask, loaded)
    to_stdout = str(out) == STANDARD
    if to_stdout and as_json:
        raise InputError("--out - and --json both write to standard output: leave one out")
    counts = Counts()
    with leaving_on_request(f"nothing is kept of {out}, which is written whole"), bytes_read(str(out)) as show_progress:
        for counts in convert(
            files, out, injection, target=to, mask=mask, form=form, tokenizer=loaded, skip_bad=skip_bad, samples=show,
            workers=workers,
        ):  # fmt: skip
            show_progress(counts.bytes_read, counts.bytes_total)
    for sample in counts.samples:
        print_sample(sample, stderr=as_json or to_stdout)
    if as_json:
        hidden = ("samples", "bytes_read", "bytes_total")
        content = {name: value for name, value in vars(counts).items() if name not in hidden}
        print_json({"out": str(out), "to": to, "kind": kind, "rate": rate, "mask": mask, "seed": seed, **content})
        return
    typer.echo(f"{out}: {_in_words(counts, to)}", err=to_stdout)
    _print_left_out(counts, err=to_stdout)


def _in_words(counts: Counts, to: str) -> str:
    share = counts.mistakes / counts.steps if counts.steps else 0.0
    words = (
        f"{counts.written:,} rows as {to}, from {counts.rows:,} rows of {', '.join(dict.fromkeys(counts.formats))}; "
        f"{counts.mistakes:,} mistakes in {counts.rows_with_mistakes:,} rows, {share:.2f} a step"
    )
    if counts.tokens:
        words += (
            f"; loss on {counts.tokens_with_loss:,} of {counts.tokens:,} tokens, at most {counts.longest_row:,} a row"
        )
    return words + (f"; {counts.skipped:,} rows left out" if counts.skipped else "")


def _print_left_out(counts: Counts, err: bool) -> None:
    """Why rows were left out: the first reasons."""
    for reason in counts.reasons:
        typer.echo(f"  left out: {reason}", err=err)
    if counts.skipped > len(counts.reasons):
        typer.echo(f"  and {counts.skipped - len(counts.reasons):,} more", err=err)


def print_sample(sample: list[Piece], stderr: bool) -> None:
    """A row in colour: what has loss, what has none."""
    from rich.text import Text

    line = Text()
    for text, trained in sample:
        line.append(text if trained else f"⟦{text}⟧", style="green" if trained else "dim red")
    screen = console(stderr=stderr)
    screen.print("a row with mistakes; ⟦in brackets⟧: no loss", style="bold")
    screen.print(line, soft_wrap=True)
    screen.print()
