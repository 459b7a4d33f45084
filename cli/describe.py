"""`mistakes describe`: problem classes in numbers, before anything is trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.terminal import Json, console, print_json, print_tables

if TYPE_CHECKING:
    from igsm.evaluation.describe import Description

Rows = list[list[str]]
_HEAD = 12
"""Letters of a line of a column's head."""


def command(
    classes: Annotated[
        list[str], typer.Argument(metavar="CLASS, KEY=VALUE", help="Difficulties, and settings over them all.")
    ],
    kinds: Annotated[str, typer.Option(help="Kinds of mistakes that name a wrong parameter.")] = "retry",
    rates: Annotated[str, typer.Option(help="Rates of mistakes.")] = "0.2,0.5",
    problems: Annotated[int, typer.Option(help="Problems drawn of each class and cell.", min=2)] = 300,
    seed: Annotated[int, typer.Option(help="The random stream.")] = 1,
    form: Annotated[str, typer.Option("--format", help="table, markdown or csv.")] = "table",
    as_json: Json = False,
) -> None:
    """Print what decides whether a class can show anything about retry data.

    Wrong parameters at a step, how often a mistake is the most probable sentence, how many different solutions a cell
    has, what always answering 0 scores, and how often an ideal model retries, decoded greedily.
    """
    from igsm.compilation import announce_compilation
    from igsm.config import apply_overrides, build_config
    from igsm.errors import InputError, suggest
    from igsm.mistakes.kinds import NAMES_ONLY
    from igsm.problems.difficulty import ProblemConfig

    if form not in _WRITERS:
        raise InputError(f"--format {form}: unknown{suggest(form, _WRITERS)}")
    arms = []
    for kind in kinds.split(","):
        if kind not in NAMES_ONLY:
            raise InputError(f"--kinds: '{kind}' names no wrong parameter{suggest(kind, NAMES_ONLY)}")
        arms += [(kind, _rate(text)) for text in rates.split(",")]
    overrides = [word.removeprefix("data.").removeprefix("problem.") for word in classes if "=" in word]
    settings = apply_overrides({}, overrides)
    names = [word for word in classes if "=" not in word]
    if not names:
        raise InputError("name at least one class, e.g. mistakes describe nano med")
    configs = [build_config(ProblemConfig, settings | {"difficulty": name}, "mistakes describe") for name in names]

    from igsm.evaluation.describe import describe
    from igsm.progress import waiting

    announce_compilation()
    with waiting(f"drawing {problems:,} problems of each class and cell"):
        found = {name: describe(config, arms, problems, seed) for name, config in zip(names, configs, strict=True)}
    if as_json:
        print_json({name: _content(one) for name, one in found.items()})
        return
    for title, rows in (("Classes", _classes(found)), ("Cells", _cells(found))):
        _WRITERS[form](title, rows)
    if form == "table":
        console().print(_EXPLAINED, style="dim", markup=False)


def _content(one: Description) -> dict[str, Any]:
    """All numbers of a class; those of an arm under its kind and rate."""
    from dataclasses import asdict

    def by_arm(numbers: dict[tuple[str, float], float]) -> dict[str, float]:
        return {f"{kind} {rate:g}": number for (kind, rate), number in numbers.items()}

    cells = [
        {
            "cell": cell.cell.name,
            "templates": cell.templates,
            "always_zero": cell.always_zero,
            "back": by_arm(cell.back),
        }
        for cell in one.cells
    ]
    return asdict(one) | {"mode": by_arm(one.mode), "cells": cells}


def _rate(text: str) -> float:
    from igsm.errors import InputError

    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 < rate < 1:
        raise InputError(f"--rates: '{text}' is no rate; numbers above 0 and below 1, e.g. 0.2,0.5")
    return rate


def _classes(found: dict[str, Description]) -> Rows:
    arms = next(iter(found.values())).mode
    head = ["class", "tokens", "parameters", "steps", "wrong parameters", "steps with at most 2"]
    rows = [[*head, *(f"a mistake is likeliest, {kind} {rate:g}" for kind, rate in arms)]]
    for name, one in found.items():
        numbers = [f"{one.tokens:.0f}", f"{one.parameters:.1f}", f"{one.steps:.1f}", f"{one.pool:.1f}"]
        rows.append([name, *numbers, *(f"{100 * share:.1f} %" for share in (one.small_pool, *one.mode.values()))])
    return rows


def _cells(found: dict[str, Description]) -> Rows:
    arms = next(iter(found.values())).mode
    head = ["class", "cell", "kinds of solution", "always 0"]
    rows = [[*head, *(f"retries of an ideal model, {kind} {rate:g}" for kind, rate in arms)]]
    for name, one in found.items():
        for cell in one.cells:
            # more than a third of the pairs that n problems make cannot be told from none
            most = one.n * (one.n - 1) // 6
            templates = f"{cell.templates:.0f}" if cell.templates < most else f"> {most}"
            back = [f"{number:.2f}" for number in cell.back.values()]
            rows.append([name, cell.cell.short, templates, f"{100 * cell.always_zero:.1f} %", *back])
    return rows


def _print_table(title: str, rows: Rows) -> None:
    from textwrap import fill

    from igsm.reporting.terminal import fitted

    screen = console()
    labels = 2 if "cell" in rows[0] else 1
    print_tables(screen, [(title, fitted([fill(name, _HEAD) for name in rows[0]], rows[1:], labels, screen.width))])


def _print_markdown(title: str, rows: Rows) -> None:
    from igsm.reporting.markdown import table

    print(f"## {title}\n\n{table(rows[0], rows[1:])}\n")


def _print_csv(title: str, rows: Rows) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(rows)
    if title == "Classes":
        print()


_EXPLAINED = (
    "Wrong parameters: those that a mistake can name at a step; good from 6 on, with at most 10 % of steps with at "
    "most 2. A mistake is likeliest: share of steps at which the most probable next sentence is one; good up to 3 %. "
    "Kinds of solution: the effective number of templates; good from 100 on. Always 0: accuracy of that answer; good "
    "up to 25 %."
)
_WRITERS = {"table": _print_table, "markdown": _print_markdown, "csv": _print_csv}
