"""`mistakes findings`: what a sweep of two ways of training shows, on one screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.terminal import Json, console, print_json

if TYPE_CHECKING:
    from igsm.reporting.claims import Judged
    from igsm.reporting.findings import Findings

_WIDTH = 80
_STYLES = {"shown": "bold green", "refuted": "bold red", "undecided": "bold yellow", "not run": "dim"}


def command(
    sweep: Annotated[Path, typer.Argument(help="A sweep's name, e.g. demo, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Over the file.")] = None,
    root: Annotated[Path, typer.Option(help="Folder that holds the sweeps' runs.")] = Path("runs"),
    markdown: Annotated[bool, typer.Option("--markdown", help="Claims as a Markdown table.")] = False,
    as_json: Json = False,
) -> None:
    """What a sweep shows, in words, also written as JSON beside its runs.

    A sweep with claims: each of them shown, refuted or undecided, over the training seeds that are finished. Any
    other: its first two rows compared.
    """
    from igsm.errors import InputError
    from igsm.reporting.claims import LEAST_SEEDS, judge
    from igsm.reporting.findings import find
    from igsm.reporting.results import read_results
    from igsm.rundir import write_json
    from igsm.sweeps.plan import plan, report_request
    from igsm.sweeps.sweep import load_sweep

    settings = load_sweep(sweep, overrides)
    screen = console(width=min(console().width, _WIDTH))
    if settings.claims:
        plan(settings, root)  # checks that the claims' rows are there
        request = report_request(settings, root)
        judged = judge(settings.claims, read_results(request.sources))
        if all(one.verdict == "not run" for one in judged):
            left_out = f"; left out: {request.left_out[0]}" if request.left_out else ""
            raise InputError(
                f"{root / settings.folder}: no row of a claim has been evaluated yet{left_out}; run `mistakes sweep "
                f"{sweep}` first (what we have measured: docs/results.md)"
            )
        path = root / settings.folder / f"{sweep.stem}.json"
        content = {"title": settings.title, "claims": [one.content() for one in judged]}
        content["left_out"] = list(request.left_out)
        write_json(path, content)
        if as_json:
            print_json(content)
            return
        if markdown:
            print(claims_markdown(judged))
        else:
            show_claims(judged, screen)
        for reason in request.left_out:
            screen.print(f"Left out: {reason}", markup=False, soft_wrap=True)
        screen.print(f"Written to {path}", markup=False, soft_wrap=True)
        return
    if markdown:
        raise InputError(f"--markdown: {sweep} has no claims, of which it makes a table; leave it out")
    request = report_request(settings, root)
    for reason in request.left_out:
        console(stderr=True).print(f"left out: {reason}", markup=False, soft_wrap=True)
    found = find(request)
    path = root / settings.folder / "findings.json"
    write_json(path, found.content())
    if as_json:
        print_json(found.content())
        return
    show(found, settings.shows, screen)
    if found.certainty.startswith("Not settled"):
        seeds = ",".join(map(str, range(1, max(LEAST_SEEDS, max(settings.seeds) + 1) + 1)))
        words = [str(sweep), *(one for one in overrides or () if not one.startswith("seeds=")), f"seeds=[{seeds}]"]
        words += ["--root", str(root)] if root != Path("runs") else []
        more = f"mistakes sweep {shlex.join(words)} --jobs 2"
        screen.print(f"More runs can settle it: {more}", markup=False, soft_wrap=True)
    screen.print(f"Written to {path}", markup=False)


def show_claims(judged: Sequence[Judged], screen: Any) -> None:
    """Each claim in a few lines: the verdict, what was claimed, what was seen."""
    from rich.padding import Padding
    from rich.text import Text

    for one in judged:
        claim = one.claim
        screen.print(Text.assemble((one.verdict, _STYLES[one.verdict]), f"  {claim.result}: {claim.says}"))
        rows = claim.row if claim.against is None else f"{claim.against} to {claim.row}"
        lines = [f"published: {claim.published}"]
        if one.verdict != "not run":
            where = f"{claim.measure.replace('_', ' ')}, {', '.join(claim.cells)}"
            lines += [f"here: {rows}; {where}: {one.numbers()}; {one.problems:,} problems a cell", one.why]
        for line in lines:
            screen.print(Padding(Text(line), (0, 0, 0, 4)))
    counts = ", ".join(f"{n} {verdict}" for verdict in _STYLES if (n := sum(one.verdict == verdict for one in judged)))
    screen.print(f"{len(judged)} claims: {counts}", markup=False)
    comparisons = [one for one in judged if one.claim.expect in ("higher", "lower")]
    tested = sum(one.adjusted is not None for one in comparisons)
    if 0 < tested < len(comparisons):
        counted = f"Holm's correction counts {tested} of {len(comparisons)} comparisons so far"
        screen.print(f"{counted}; the others once run.", markup=False)


def claims_markdown(judged: Sequence[Judged]) -> str:
    """The claims as a Markdown table."""
    from igsm.reporting.markdown import table

    lines = []
    for one in judged:
        claim = one.claim
        rows = claim.row if claim.against is None else f"{claim.against} to {claim.row}"
        here, verdict = f"{rows}; {', '.join(claim.cells)}: {one.numbers()}", f"**{one.verdict}**: {one.why}"
        if one.verdict == "not run":
            here, verdict = "-", one.verdict
        lines.append([claim.result, claim.says, claim.published, here, verdict])
    return table(["", "claimed", "published", "here", "verdict"], lines)


def show(found: Findings, introduction: str, screen: Any) -> None:
    """The screen: what was trained, solutions, the table, the sentence."""
    from rich.table import Table
    from rich.text import Text

    screen.rule("What was trained")
    screen.print(" ".join(introduction.split()), markup=False)
    problem = ""
    for example in found.examples:
        screen.rule(example.heading)
        if example.problem != problem:
            problem = example.problem
            screen.print(problem, style="dim", markup=False)
        for line in example.lines:
            style = {"": "", "taken back": "strike dim"}.get(line.mark, "bold red")
            sign = {"": " ", "taken back": "~"}.get(line.mark, "x")
            note = f"   <- {line.mark}" if line.mark else ""
            screen.print(Text.assemble(f"{sign} ", (line.text, style), (note, "dim" if sign == "~" else "red")))
    screen.rule("Solutions that are right in every step, in %")
    sides = (found.base, found.other)
    table = Table(box=None, pad_edge=False)
    table.add_column("problems")
    for side in sides:
        table.add_column(side.row, justify="right")
    for cell in found.cells:
        name = cell.rpartition(":")[2] + (" (harder than trained)" if cell in found.harder else "")
        table.add_row(name, *(_numbers(side.accuracies([cell])) for side in sides))
    screen.print(table)
    several = any(len(side.accuracies(found.harder)) > 1 for side in sides)
    screen.print(
        f"{found.n:,} problems a cell" + ("; mean of the training runs (each)" if several else ""), style="dim"
    )
    screen.rule("What it shows")
    screen.print(f"{found.sentence} {found.certainty}", markup=False)


def _numbers(by_seed: dict[int, float]) -> str:
    each = ", ".join(f"{100 * value:.1f}" for value in by_seed.values())
    mean = f"{100 * sum(by_seed.values()) / len(by_seed):.1f}" if by_seed else "-"
    return f"{mean} ({each})" if len(by_seed) > 1 else mean
