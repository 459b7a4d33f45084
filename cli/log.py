"""`mistakes log`: what the Mistake Log of a run with a Copilot holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.given import refuse
from cli.terminal import Json, console, print_json
from igsm.checkpoints import find_stored
from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.evaluation.logged import Shown

CLAIMED = 0.04
"""More time with a Copilot, on average (arXiv 2505.16270)."""


UNREAD = {"": ("weight",), "windows": ("answer", "png"), "solutions": ("answer", "png", "weight")}
UNREAD |= {"cost": UNREAD["solutions"]}
"""The report -> options that it does not read."""


def command(
    context: typer.Context,
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folder of `mistakes copilot`, or one of its checkpoints. Of several, --windows and --solutions "
            "count together.",
        ),
    ],
    answer: Annotated[int, typer.Option(help="Which answer of the newest step is shown.", min=0)] = 0,
    png: Annotated[Path | None, typer.Option(help="Write that answer as a picture, too.")] = None,
    windows: Annotated[
        int, typer.Option(help="Instead: what the Copilot changes on so many windows of the test split.", min=0)
    ] = 0,
    weight: Annotated[float, typer.Option(help="With --windows: lambda.", min=0.0, max=10.0)] = 1.0,
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Instead: what it changes in solutions that `mistakes eval` has made.")
    ] = False,
    cost: Annotated[bool, typer.Option("--cost", help="Instead: what it costs in training and decoding.")] = False,
    as_json: Json = False,
) -> None:
    """Show a Mistake Log: classes of tokens that the model got wrong over training, and one answer token by token.

    An error is 1 - p(right token). A token is wrong where the model held another one more probable. Shown are the
    rounds that the run's checkpoints keep; training.keep_every keeps more of them.
    """
    asked = [name for name, value in (("windows", windows), ("solutions", solutions), ("cost", cost)) if value]
    if len(asked) > 1:
        raise InputError(f"--{asked[0]} and --{asked[1]} are two reports; ask for one at a time")
    way = asked[0] if asked else ""
    refuse(context, UNREAD[way], f"together with --{way}" if way else "without --windows")
    if not solutions:
        for run in runs:
            find_stored(run, "copilot")
    if windows:
        _show_tokens(runs, windows, weight, as_json)
    elif solutions:
        _show_solutions(runs, as_json)
    elif len(runs) > 1:
        raise InputError(f"{len(runs)} runs: only --windows and --solutions take several; give one")
    elif cost:
        _show_cost(runs[0], as_json)
    else:
        _show_log(runs[0], answer, png, as_json)


def _named(runs: list[Path]) -> str:
    return str(runs[0]) if len(runs) == 1 else f"{len(runs)} runs"


def _listed(runs: list[Path]) -> dict[str, Any]:
    return {"run": str(runs[0])} if len(runs) == 1 else {"runs": [str(run) for run in runs]}


def _show_tokens(runs: list[Path], windows: int, weight: float, as_json: bool) -> None:
    from dataclasses import asdict

    from cli import log_tables
    from igsm.evaluation.chosen import read_chosen
    from igsm.progress import waiting

    with waiting("loading torch"):
        from igsm.evaluation.corrected import corrected, pooled
    found = pooled([corrected(run, windows, weight) for run in runs])
    known = {str(run): read_chosen(run) for run in runs}
    if as_json:
        classes = {name: asdict(one) | {"best": one.best, "limit": one.limit} for name, one in found.classes.items()}
        biases = {name: asdict(one) for name, one in found.biases.items()}
        content = _listed(runs) | {"windows": windows, "weight": weight, "classes": classes, "biases": biases}
        chosen = {run: one and asdict(one) for run, one in known.items()}
        print_json(content | {"right": found.right, "chosen": chosen if len(runs) > 1 else chosen[str(runs[0])]})
        return
    out = console()
    out.print(log_tables.changed_tokens(_named(runs), found, f"{windows}{' each' * (len(runs) > 1)}", weight))
    out.print(log_tables.theorem(found))
    out.print(log_tables.over_lambda(found, [one.accuracy for one in known.values() if one]))


def _show_solutions(runs: list[Path], as_json: bool) -> None:
    from dataclasses import asdict

    from cli import log_tables
    from igsm.reporting.turned import pooled_changes

    found = pooled_changes(runs)
    if as_json:
        print_json(_listed(runs) | {"cells": [asdict(one) for one in found]})
        return
    out = console()
    for change in found:
        out.print(log_tables.changed_solutions(change))
        out.print(f"{log_tables.names_line(change)}\n", highlight=False)


def _show_cost(run: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from cli import log_tables
    from igsm.progress import waiting

    with waiting("loading torch"):
        from igsm.evaluation.copilot_cost import measure_cost
    with waiting("training and decoding with and without the Copilot, in turns"):
        found = measure_cost(run)
    if as_json:
        shares = {name: {"more_time": one.more_time, "more_flops": one.more_flops} for name, one in found.items()}
        print_json({"run": str(run), "claimed": CLAIMED} | {name: asdict(found[name]) | shares[name] for name in found})
        return
    console().print(log_tables.costs(run, found, CLAIMED))


def _show_log(run: Path, answer: int, png: Path | None, as_json: bool) -> None:
    from dataclasses import asdict

    from cli import log_tables
    from igsm.preflight.resources import check_writable
    from igsm.progress import waiting

    if png is not None:
        check_writable(png.parent)
    with waiting("loading torch"):
        from igsm.evaluation.logged import LoggedRun
    logged = LoggedRun(run)
    periods, shown = logged.periods(), logged.answer(answer)
    if png is not None:
        _picture(run, answer, shown, png)
    if as_json:
        print_json({"run": str(run), "periods": [asdict(one) for one in periods], "answer": asdict(shown)})
        return
    from igsm.reporting.heat import heat_text

    out = console()
    out.print(log_tables.errors(run, periods))
    out.print(log_tables.first_errors(periods))
    if any(one.kinds for one in periods):
        out.print(log_tables.first_kinds(periods))
    out.print(f"\nanswer {answer} of step {periods[-1].last:,}; [error] behind a token from 0.5 on:", markup=False)
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
