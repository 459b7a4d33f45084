"""`mistakes log`: what the Mistake Log of a run with a Copilot holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import Json, console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from igsm.evaluation.corrected import Corrected
    from igsm.evaluation.logged import Period, Shown


def command(
    run: Annotated[Path, typer.Argument(help="Run folder of `mistakes copilot`, or one of its checkpoints.")],
    answer: Annotated[int, typer.Option(help="Which answer of the newest step is shown.", min=0)] = 0,
    png: Annotated[Path | None, typer.Option(help="Write that answer as a picture, too.")] = None,
    windows: Annotated[
        int, typer.Option(help="Instead: what the Copilot changes on so many windows of the test split.", min=0)
    ] = 0,
    weight: Annotated[float, typer.Option(help="With --windows: lambda.", min=0.0, max=10.0)] = 1.0,
    as_json: Json = False,
) -> None:
    """Show a Mistake Log: classes of tokens that the model got wrong over training, and one answer token by token.

    An error is 1 - p(right token). A token is wrong where the model held another one more probable. Shown are the
    rounds that the run's checkpoints keep; training.keep_every keeps more of them.
    """
    from dataclasses import asdict

    from igsm.checkpoints import find_stored
    from igsm.preflight.resources import check_writable
    from igsm.progress import waiting

    find_stored(run, "copilot")
    if png is not None:
        check_writable(png.parent)
    with waiting("loading torch"):
        from igsm.evaluation.corrected import corrected
        from igsm.evaluation.logged import LoggedRun

    if windows:
        found = corrected(run, windows, weight)
        if as_json:
            classes = {name: asdict(one) | {"best": one.best, "limit": one.limit} for name, one in found.items()}
            print_json({"run": str(run), "windows": windows, "weight": weight, "classes": classes})
        else:
            console().print(_changes(run, found, windows, weight))
        return
    logged = LoggedRun(run)
    periods, shown = logged.periods(), logged.answer(answer)
    if png is not None:
        _picture(run, answer, shown, png)
    if as_json:
        print_json({"run": str(run), "periods": [asdict(one) for one in periods], "answer": asdict(shown)})
        return
    from igsm.reporting.heat import heat_text

    out = console()
    for table in (_errors(run, periods), _first(periods)):
        out.print(table)
    out.print(f"\nanswer {answer} of step {periods[-1].last:,}; [error] behind a token from 0.5 on:")
    out.print(heat_text(shown.texts, shown.errors), soft_wrap=True)
    wrong = [
        f"{text.strip()!r} ({best.strip()!r})"
        for text, best in zip(shown.texts, shown.best, strict=True)
        if text != best
    ]
    out.print(f"\nwrong, and what was held more probable: {', '.join(wrong) or 'none'}", markup=False)
    if png is not None:
        out.print(f"written: {png}", markup=False)


def _picture(run: Path, answer: int, shown: Shown, path: Path) -> None:
    from igsm.reporting.figures import picture_bytes
    from igsm.reporting.heat import heat_figure
    from igsm.rundir import atomic_write

    figure = heat_figure(shown.texts, shown.errors, f"{run}, answer {answer}: white p = 1, red p = 0")
    atomic_write(path, picture_bytes(figure, "png"))


def _errors(run: Path, periods: list[Period]) -> Table:
    names = list(dict.fromkeys(name for one in periods for name in one.classes))
    table = _table(f"Mistake log of {run}: mean error, and share of wrong tokens in %, by class of the right token")
    for head in ("steps", "windows", *names):
        table.add_column(head, justify="right")
    for one in periods:
        cells = [
            f"{its.error:.3f} {100 * its.wrong / its.tokens:5.1f}" if (its := one.classes.get(name)) else "-"
            for name in names
        ]
        table.add_row(f"{one.first:,}-{one.last:,}", f"{one.windows:,}", *cells)
    return table


def _first(periods: list[Period]) -> Table:
    names = list(dict.fromkeys(name for one in periods for name in one.classes))
    table = _table("First wrong token of an answer, % of the answers, by class of the right token")
    for head in ("steps", "answers", *names, "none"):
        table.add_column(head, justify="right")
    for one in periods:
        counts = [one.first_wrong.get(name, 0) for name in names]
        shares = [*counts, one.answers - sum(counts)]
        cells = [f"{100 * count / one.answers:.1f}" if one.answers else "-" for count in shares]
        table.add_row(f"{one.first:,}-{one.last:,}", f"{one.answers:,}", *cells)
    return table


def _changes(run: Path, found: dict[str, Corrected], windows: int, weight: float) -> Table:
    table = _table(
        f"The Copilot of {run} with lambda {weight:g} on {windows} windows of the test split, true errors before each "
        "token"
    )
    for head in ("class", "tokens", "wrong, %", "of these\nput right, %", "of the right\nput wrong, %"):
        table.add_column(head, justify="right")
    for head in ("squared\nerror", "with f", "least at\nlambda", "less up to\nlambda"):
        table.add_column(head, justify="right")
    for name, one in found.items():
        right = one.tokens - one.wrong
        shares = [_percent(one.wrong, one.tokens), _percent(one.put_right, one.wrong), _percent(one.put_wrong, right)]
        numbers = (one.error, one.error_at(weight), one.best, one.limit)
        table.add_row(name, f"{one.tokens:,}", *shares, *(f"{number:.3f}" for number in numbers))
    return table


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "-"


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
