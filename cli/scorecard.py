"""`mistakes scorecard`: all that is known of how runs correct themselves, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import evaluation_options
from cli.terminal import Json, print_json, print_tables


def command(
    runs: evaluation_options.Runs,
    cells: Annotated[
        str | None,
        typer.Option(help="Comma-separated, e.g. 'op=15,op=20', or all; default: the one of which there is most."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the page and the tables to OUT.html, OUT.md, OUT.csv.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say under the tables what their rows mean.")] = False,
    as_json: Json = False,
) -> None:
    """One table of how well runs notice, locate and repair mistakes, from the files that other commands wrote.

    Runs that differ in their seed only share a column: their mean, with an interval over training seeds. A number that
    has not been computed is "-", and under the table stands the command that would.

    RUN may be a file that lm-evaluation-harness wrote of an exported or other model (--log_samples; task igsm).
    """
    from cli.terminal import console as screen
    from igsm.errors import InputError
    from igsm.preflight.resources import check_writable
    from igsm.progress import waiting
    from igsm.reporting import scorecard_shown as shown
    from igsm.reporting.scorecard import Scores
    from igsm.rundir import atomic_write

    if missing := [run for run in runs if not run.exists()]:
        raise InputError(f"{missing[0]}: no run folder, and no file of samples")
    if out is not None:
        check_writable(out.parent)
    with waiting("reading what is there"):
        scores = Scores(runs, cells)
    written = {}
    if out is not None:
        texts = {"html": shown.page, "md": shown.to_markdown, "csv": shown.to_csv}
        written = {f"{out}.{end}": text(scores) for end, text in texts.items()}
        for file, text in written.items():
            atomic_write(Path(file), text)
    if as_json:
        print_json(shown.content(scores))
        return
    console = screen()
    print_tables(console, shown.terminal(scores, console.width))
    for line in (*shown.commands(scores), *(shown.EXPLAINED if explain else ())):
        console.print(line, style="dim", markup=False, soft_wrap=True)
    if written:
        console.print(f"written: {', '.join(written)}", markup=False, soft_wrap=True)
