"""`mistakes check`: grade solutions of any source, from their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import Json, console, print_json, print_tables


def command(
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
    out: Annotated[Path | None, typer.Option(help="Write one verdict a line to this new file.")] = None,
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
        Path | None,
        typer.Option(help="Of --score: other records with label and scores, whose best F1 gives the threshold."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Grade every step of the solutions in FILE and say what went wrong first.

    Fields are found by the names in common use; the first line of the output says which were used. A record with
    several outputs counts as that many solutions.

    A record of predictions has id and prediction (the first wrong step from 0, -1: none), or id and scores (one a step,
    higher is better).
    """
    if score:
        _score(file, score, calibration, as_json)
        return
    if calibration is not None:
        raise typer.BadParameter("--calibration is for the scores of --score PREDICTIONS")
    if processbench is not None:
        _write(file, processbench, problem, solution, as_json, lexicon, rule, modulus, view, end_errors)
        return
    import json

    from igsm.errors import InputError, suggest
    from igsm.grading.check import grade_records
    from igsm.grading.grade import RULES
    from igsm.grading.outputs import Outputs
    from igsm.grading.summary import Summary, render
    from igsm.rundir import atomic_write

    if rule not in RULES:
        raise InputError(f"unknown rule '{rule}'{suggest(rule, RULES)}")
    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; give --out a new name")
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
        print_json({"file": str(file), "fields": outputs.fields._asdict(), **summary.content()})
        return
    screen = console()
    screen.print(f"{file}, fields used: {outputs.fields}", markup=False, soft_wrap=True)
    screen.print(render(summary))


def _write(
    file: Path, out: Path, problem: str | None, solution: str | None, as_json: bool, lexicon: str | None, rule: str,
    modulus: int, view: str, end_errors: str,
) -> None:  # fmt: skip
    import json

    from igsm.errors import InputError
    from igsm.grading.outputs import Outputs
    from igsm.grading.processbench import about_run, name_of, to_processbench
    from igsm.rundir import atomic_write

    if out.exists():
        raise InputError(f"{out}: exists already; give --processbench a new name")
    about = about_run(file)
    options = {"lexicon": lexicon, "rule": rule, "modulus": modulus, "view": view, "end_errors": end_errors}
    written = to_processbench(Outputs(file, problem, solution), name_of(file, about), about=about, **options)  # type: ignore[arg-type]
    if not written.records:
        raise InputError(f"{file}: has no solution that could be written")
    atomic_write(out, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in written.records))
    wrong = sum(record["label"] >= 0 for record in written.records)
    counts = {"wrong": wrong, "right": len(written.records) - wrong, **written._asdict()}
    del counts["records"]
    if as_json:
        print_json({"file": str(out), **counts})
        return
    said = {"end_errors": "only end wrongly", "ill_posed": "have an ill-posed problem", "empty": "have no step"}
    left_out = "; ".join(f"{counts[key]:,} {what}" for key, what in said.items() if counts[key])
    end = f"; left out: {left_out}" if left_out else ""
    typer.echo(f"written: {out}, {wrong:,} wrong and {counts['right']:,} right solutions{end}")


def _score(file: Path, predictions: list[Path], calibration: Path | None, as_json: bool) -> None:
    from igsm.grading import detection
    from igsm.reporting.detection_table import terminal
    from igsm.rundir import distinct_names

    benchmark = detection.read_benchmark(file)
    threshold = None if calibration is None else detection.calibrated(calibration, benchmark)
    found = {}
    for path, name in zip(predictions, distinct_names(predictions), strict=True):
        own = detection.read_predictions(path, benchmark, threshold)
        found[name] = detection.score(benchmark, detection.certain(own), own.scores)
    baselines = {"always -1": detection.always_right, "random": detection.at_random, "truth": detection.ground_truth}
    found |= {name: detection.score(benchmark, chances(benchmark)) for name, chances in baselines.items()}
    answered = detection.right_answers_among_wrong(benchmark)
    if as_json:
        print_json({"file": str(file), "threshold": threshold, "right_answers_among_wrong": answered, "scores": found})
        return
    screen = console()
    print_tables(screen, terminal(found, screen.width))
    if threshold is not None:
        screen.print(f"threshold {threshold:.6g}, the best of {calibration}", markup=False, soft_wrap=True)
    if answered is not None:
        screen.print(f"right final answers among the wrong solutions: {100 * answered:.1f} %", markup=False)
