"""`mistakes findings`: what a sweep of two ways of training shows, on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
) -> None:
    """What a sweep shows, in words, also written as JSON beside its runs.

    A sweep with claims: each of them shown, refuted or undecided, over the training seeds that are finished. Any
    other: its first two rows compared.
    """
    from rich.console import Console

    from igsm.reporting.claims import judge
    from igsm.reporting.findings import find
    from igsm.reporting.results import read_results
    from igsm.rundir import write_json
    from igsm.sweeps.plan import plan, report_request
    from igsm.sweeps.sweep import load_sweep

    settings = load_sweep(sweep, overrides)
    console = Console(width=min(Console().width, _WIDTH), highlight=False)
    if settings.claims:
        plan(settings, root)  # checks that the claims' rows are there
        judged = judge(settings.claims, read_results(report_request(settings, root).sources))
        path = root / settings.folder / f"{sweep.stem}.json"
        write_json(path, {"title": settings.title, "claims": [one.content() for one in judged]})
        if markdown:
            print(claims_markdown(judged))
        else:
            show_claims(judged, console)
        console.print(f"Written to {path}", markup=False, soft_wrap=True)
        return
    found = find(report_request(settings, root))
    path = root / settings.folder / "findings.json"
    write_json(path, found.content())
    show(found, settings.shows, console)
    if found.certainty.startswith("Not settled"):
        console.print(f'More runs can settle it: mistakes sweep {sweep} "seeds=[1,2,3,4,5]" --jobs 2', markup=False)
    console.print(f"Written to {path}", markup=False)


def show_claims(judged: Sequence[Judged], console: Any) -> None:
    """Each claim in a few lines: the verdict, what was claimed, what was seen."""
    from rich.padding import Padding
    from rich.text import Text

    for one in judged:
        claim = one.claim
        console.print(Text.assemble((one.verdict, _STYLES[one.verdict]), f"  {claim.result}: {claim.says}"))
        rows = claim.row if claim.against is None else f"{claim.against} to {claim.row}"
        lines = [f"published: {claim.published}"]
        if one.verdict != "not run":
            where = f"{claim.measure.replace('_', ' ')}, {', '.join(claim.cells)}"
            lines += [f"here: {rows}; {where}: {one.numbers()}", one.why]
        for line in lines:
            console.print(Padding(Text(line), (0, 0, 0, 4)))
    counts = ", ".join(f"{n} {verdict}" for verdict in _STYLES if (n := sum(one.verdict == verdict for one in judged)))
    console.print(f"{len(judged)} claims: {counts}", markup=False)


def claims_markdown(judged: Sequence[Judged]) -> str:
    """The claims as a Markdown table."""
    lines = ["| | claimed | published | here | verdict |", "|---|---|---|---|---|"]
    for one in judged:
        claim = one.claim
        rows = claim.row if claim.against is None else f"{claim.against} to {claim.row}"
        here = f"{rows}; {', '.join(claim.cells)}: {one.numbers()}"
        if one.verdict == "not run":
            lines.append(f"| {claim.result} | {claim.says} | {claim.published} | - | not run |")
            continue
        lines.append(f"| {claim.result} | {claim.says} | {claim.published} | {here} | **{one.verdict}**: {one.why} |")
    return "\n".join(lines)


def show(found: Findings, introduction: str, console: Any) -> None:
    """The screen: what was trained, solutions, the table, the sentence."""
    from rich.table import Table
    from rich.text import Text

    console.rule("What was trained")
    console.print(" ".join(introduction.split()), markup=False)
    problem = ""
    for example in found.examples:
        console.rule(example.heading)
        if example.problem != problem:
            problem = example.problem
            console.print(problem, style="dim", markup=False)
        for line in example.lines:
            style = {"": "", "taken back": "strike dim"}.get(line.mark, "bold red")
            sign = {"": " ", "taken back": "~"}.get(line.mark, "x")
            note = f"   <- {line.mark}" if line.mark else ""
            console.print(Text.assemble(f"{sign} ", (line.text, style), (note, "dim" if sign == "~" else "red")))
    console.rule("Solutions that are right in every step, in %")
    sides = (found.base, found.other)
    table = Table(box=None, pad_edge=False)
    table.add_column("problems")
    for side in sides:
        table.add_column(side.row, justify="right")
    for cell in found.cells:
        name = cell.rpartition(":")[2] + (" (harder than trained)" if cell in found.harder else "")
        table.add_row(name, *(_numbers(side.accuracies([cell])) for side in sides))
    console.print(table)
    several = any(len(side.accuracies(found.harder)) > 1 for side in sides)
    console.print(
        f"{found.n:,} problems a cell" + ("; mean of the training runs (each)" if several else ""), style="dim"
    )
    console.rule("What it shows")
    console.print(f"{found.sentence} {found.certainty}", markup=False)


def _numbers(by_seed: dict[int, float]) -> str:
    each = ", ".join(f"{100 * value:.1f}" for value in by_seed.values())
    mean = f"{100 * sum(by_seed.values()) / len(by_seed):.1f}" if by_seed else "-"
    return f"{mean} ({each})" if len(by_seed) > 1 else mean
