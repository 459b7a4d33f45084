"""`mistakes text`: small models from scratch on step-by-step text with mistakes; do they help there?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import Json, print_json, print_tables

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Train small models on step-by-step text with and without mistakes, and compare their answers.",
)


@app.command()
def stories(
    out: Annotated[Path, typer.Option(help="A new file, .jsonl.")],
    rows: Annotated[int, typer.Option(help="How many problems.", min=1)] = 30_000,
    seed: Annotated[int, typer.Option(help="Neighbouring seeds share nothing.")] = 1,
) -> None:
    """Write word problems of our own as rows of GSM8K: question, and answer with its steps."""
    import json

    from igsm.errors import InputError
    from igsm.progress import Progress
    from igsm.rundir import atomic_write
    from igsm.text.stories import story

    if out.suffix != ".jsonl":
        raise InputError(f"--out {out}: the name must end with .jsonl")
    if out.exists():
        raise InputError(f"--out {out}: is there already; choose another name")
    numbers = Progress(range(rows), desc=str(out), unit=" rows", leave=False)
    atomic_write(out, "".join(json.dumps(story(seed, i), ensure_ascii=False) + "\n" for i in numbers))
    typer.echo(
        f"{out}: {rows:,} rows; next: mistakes inject {out} --to segments --kind weak --rate 0.1 --out OUT.jsonl"
    )


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, such as configs/text/stories.yaml.")],
    out: Annotated[Path, typer.Option(help="Run folder.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings.")] = None,
) -> None:
    """Train a model from scratch on rows with mistakes, then let it answer held-out problems.

    The same command again goes on where it stopped; a finished run is read.
    """
    from cli.training import failure_told
    from igsm.config import load_config
    from igsm.errors import InputError
    from igsm.progress import Progress, waiting
    from igsm.training.signals import INTERRUPT_EXIT_CODE, REQUEUE_EXIT_CODE
    from igsm.training.text_config import TextConfig

    settings = load_config(TextConfig, config, overrides or [])
    data = settings.data
    files = [("data.source", data.source), ("data.held_out", data.held_out)]
    for name, file in files + [("data.vocabulary_of", file) for file in data.vocabulary_of]:
        if not Path(file).is_file():
            raise InputError(f"{name}: there is no file {file}")
    with waiting("loading torch"):
        from igsm.evaluation.text_answers import answer_held_out, read_held_out
        from igsm.training.distributed import join
        from igsm.training.text import train_text
    read_held_out(data)  # what is wrong there is said before the training
    ranks = join(settings.training.device)
    with failure_told(ranks):
        outcome = train_text(settings, out, ranks)
    if outcome.status != "done":
        raise typer.Exit(INTERRUPT_EXIT_CODE if outcome.status == "interrupted" else REQUEUE_EXIT_CODE)
    with Progress(desc="held-out problems", total=data.problems, unit=" answers", leave=False) as bar:

        def shown(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = answer_held_out(out, shown)
    typer.echo(
        f"{out}: {100 * found['accuracy']:.1f} % of {found['n']:,} held-out problems right "
        f"({100 * found['low']:.1f} to {100 * found['high']:.1f}), {found['taken_back']:.2f} taken back each"
    )


@app.command()
def table(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Finished runs; those of one source are pooled.")
    ],
    against: Annotated[str, typer.Option(help="The source that the others are compared with, by its file's name.")],
    out: Annotated[Path | None, typer.Option(help="Write the table to OUT.csv, OUT.md and OUT.json, too.")] = None,
    as_json: Json = False,
) -> None:
    """Compare runs: accuracy by what they were trained on, over training seeds; does it help?"""
    from cli.terminal import console as screen
    from igsm.reporting.arms import to_csv
    from igsm.reporting.text_table import EXPLAINED, lines, read_answers, terminal, to_markdown
    from igsm.rundir import atomic_write, write_json

    found = lines(read_answers(runs), against)
    if out is not None:
        atomic_write(Path(f"{out}.csv"), to_csv(found))
        atomic_write(Path(f"{out}.md"), to_markdown(found))
        write_json(Path(f"{out}.json"), found)
    if as_json:
        print_json(found)
        return
    console = screen()
    print_tables(console, terminal(found, console.width))
    for line in EXPLAINED:
        console.print(line, style="dim", markup=False)
    if out is not None:
        console.print(f"written: {out}.csv, {out.name}.md, {out.name}.json", markup=False, soft_wrap=True)
