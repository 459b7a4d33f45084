"""`mistakes check`: grade solutions of any source, from their texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import check_steps
from cli.given import given, must_be_new, refuse
from cli.terminal import Json, console, print_json

if TYPE_CHECKING:
    from cli.check_steps import Names


GRADING = ("problem", "solution", "lexicon", "rule", "modulus", "examples")
WRITING = ("view", "end_errors")
UNREAD = {
    "--score": (*GRADING, *WRITING),
    "--detector": (*GRADING, *WRITING),
    "--processbench": ("out", "examples"),
    "": WRITING,
}
"""The way of using the command -> options that it does not read."""


def command(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="JSON lines: ours, or outputs of lm-eval, Inspect, a chat API, prompt/response, ...")
    ],
    lexicon: Annotated[
        str | None, typer.Option(help="full, nano, or a file of names; default: the record's 'lexicon', or full.")
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            help="strict; lenient: reads past the form that chat models write in; authors: the published grader's."
        ),
    ] = "strict",
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    problem: Annotated[str | None, typer.Option(help="Field of the problem, if it is not found: doc.text.")] = None,
    solution: Annotated[str | None, typer.Option(help="Field of the solution, if it is not found.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write one verdict a line to this new file; all numbers of --score (JSON); the scores of --detector."
        ),
    ] = None,
    examples: Annotated[int, typer.Option(help="Examples of each kind of first error.", min=0)] = 2,
    processbench: Annotated[
        Path | None,
        typer.Option(help="Write the solutions as ProcessBench has them, a record a line, to this new file."),
    ] = None,
    view: Annotated[
        str, typer.Option(help="Of --processbench: kept leaves out what was taken back; raw has it, never as an error.")
    ] = "kept",
    end_errors: Annotated[
        str, typer.Option(help="Of --processbench, solutions that only end wrongly: drop, or label the last step.")
    ] = "drop",
    score: Annotated[
        list[Path] | None,
        typer.Option(
            help="Score predictions of first wrong steps; FILE is then of --processbench, or ProcessBench's own."
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            help="Of --score: other records with label and scores, whose best F1 gives the threshold; one for all, or "
            "one for each --score in their order. Of --detector: other records of --processbench."
        ),
    ] = None,
    detector: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run (probability of its tokens) or a probe that scores every step of FILE, into the file of --out. "
            "With --calibration, several of them side by side: they score both files, and the table is that of --score."
        ),
    ] = None,
    taxonomy: Annotated[
        str | None, typer.Option(help="eic: kinds of first errors also in the names of that taxonomy.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Grade every step of the solutions in FILE and say what went wrong first.

    Fields are found by the names in common use; the first line of the output says which were used. A record with
    several outputs counts as that many solutions.

    A record of predictions has id and prediction (the first wrong step from 0, -1: none), or id and scores (one a step,
    higher is better).
    """
    from igsm.grading.taxonomy import taxonomy_named

    _check_together(context)
    names = taxonomy_named(taxonomy) if taxonomy is not None else None
    if score:
        check_steps.score(file, score, calibration or [], names, out, as_json)
        return
    if detector and calibration:
        check_steps.compare(file, detector, calibration, names, out, as_json)
        return
    if detector:
        refuse(context, ["taxonomy"], "together with --detector, without --calibration")
        if len(detector) > 1:
            raise typer.BadParameter("several --detector need --calibration, other records of --processbench")
        check_steps.detect(file, detector[0], out, as_json)
        return
    if calibration is not None:
        raise typer.BadParameter("--calibration is for the scores of --score PREDICTIONS")
    if processbench is not None:
        _write(file, processbench, problem, solution, as_json, lexicon, rule, modulus, view, end_errors, names)
        return
    import json

    from igsm.errors import InputError, suggest
    from igsm.grading.check import grade_records
    from igsm.grading.grade import RULES
    from igsm.grading.outputs import Outputs
    from igsm.grading.summary import Summary, render
    from igsm.grading.verdict import Kind
    from igsm.rundir import atomic_write

    if rule not in RULES:
        raise InputError(f"unknown rule '{rule}'{suggest(rule, RULES)}")
    must_be_new(out)
    summary = Summary(examples)
    lines = []
    outputs = Outputs(file, problem, solution)
    for graded in grade_records(outputs, lexicon, rule, modulus):
        summary.add(graded)
        if out is not None:
            lines.append(json.dumps(graded.to_json()) + "\n")
    if outputs.fields is None:
        raise InputError(f"{file}: has no records; one JSON object a line is expected")
    if out is not None:
        atomic_write(out, "".join(lines))
    if as_json:
        print_json({"file": str(file), "fields": outputs.fields._asdict(), **summary.content(names)})
        return
    screen = console()
    screen.print(f"{file}, fields used: {outputs.fields}", markup=False, soft_wrap=True)
    screen.print(render(summary, names))
    unread = sum(n for (kind, _), n in summary.errors.items() if kind is Kind.MALFORMED)
    if rule == "strict" and 2 * unread > summary.n:
        screen.print(
            "Most texts are not in the form of our solutions: --rule lenient reads past the form in which chat models "
            "write.",
            soft_wrap=True,
        )


def _check_together(context: typer.Context) -> None:
    """Refuse two ways of using the command at once, and options that the chosen one does not read."""
    chosen = given(context, ("score", "detector", "processbench"))
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} do not go together; give one of them")
    way = chosen[0] if chosen else ""
    refuse(context, UNREAD[way], f"together with {way}" if way else "without --processbench")


def _write(
    file: Path, out: Path, problem: str | None, solution: str | None, as_json: bool, lexicon: str | None, rule: str,
    modulus: int, view: str, end_errors: str, names: Names,
) -> None:  # fmt: skip
    import json
    from collections import Counter

    from igsm.errors import InputError
    from igsm.grading.outputs import Outputs
    from igsm.grading.processbench import EMPTY, END_ERROR, ILL_POSED, about_run, each_record, name_of
    from igsm.rundir import atomic_write

    must_be_new(out, "--processbench")
    about = about_run(file)
    options = {"lexicon": lexicon, "rule": rule, "modulus": modulus, "view": view, "end_errors": end_errors}
    records, reasons = [], Counter[str]()
    for made in each_record(Outputs(file, problem, solution), name_of(file, about), about=about, **options):  # type: ignore[arg-type]
        if isinstance(made, str):
            reasons[made] += 1
        else:
            records.append(made)
    if not records:
        raise InputError(f"{file}: has no solution that could be written")
    for record in records if names else ():
        record["error_type"] = names[record["error_kind"]] if record["error_kind"] else None  # type: ignore[index]
    atomic_write(out, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    wrong = sum(record["label"] >= 0 for record in records)
    counts = {"wrong": wrong, "right": len(records) - wrong}
    counts |= {"end_errors": reasons[END_ERROR], "ill_posed": reasons[ILL_POSED], "empty": reasons[EMPTY]}
    if as_json:
        print_json({"file": str(out), **counts})
        return
    said = {"end_errors": "only end wrongly", "ill_posed": "have an ill-posed problem", "empty": "have no step"}
    left_out = "; ".join(f"{counts[key]:,} {what}" for key, what in said.items() if counts[key])
    end = f"; left out: {left_out}" if left_out else ""
    typer.echo(f"written: {out}, {wrong:,} wrong and {counts['right']:,} right solutions{end}")
