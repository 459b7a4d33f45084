"""Our solutions as records of ProcessBench (arXiv 2412.06559)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.grading.attempts import last_attempt
from igsm.grading.check import grade_records
from igsm.grading.evaluations import SUMMARY, read_evaluation
from igsm.grading.lenient import strict_text
from igsm.grading.records import TextRecord
from igsm.grading.steps import split_solution, taken_back
from igsm.grading.verdict import OF_THE_END

VIEWS = ("kept", "raw")
END_ERRORS = ("drop", "last")

Record = dict[str, Any]


class Written(NamedTuple):
    """The records of a file of solutions, and how many solutions have none."""

    records: list[Record]
    end_errors: int
    """Wrong by their end alone: no step of them is."""
    ill_posed: int
    empty: int
    """Without a sentence."""


def to_processbench(
    solutions: Iterable[TextRecord],
    name: str,
    *,
    lexicon: str | None = None,
    rule: str = "strict",
    modulus: int = 23,
    view: str = "kept",
    end_errors: str = "drop",
    about: Mapping[str, Any] | None = None,
) -> Written:
    """A record for each solution: `id`, `generator`, `problem`, `steps`, `final_answer_correct`, `label`, and ours.

    A label counts from 0; -1: no step is wrong. Ours are error_kind, op, modulus, lexicon,
    retries, and those of `about`.

    Args:
        name: what ids begin with.
        lexicon, rule, modulus: as of `grade_records`; the rule "authors" knows no steps.
        view: "kept": without the sentences that are taken back; "raw": with them, and none of them is an error.
        end_errors: "drop" a solution in which only the end is wrong, or label its "last" step.
        about: further fields of all records, `generator` among them.
    """
    _known(view, VIEWS, "view")
    _known(end_errors, END_ERRORS, "way with errors of the end")
    if rule == "authors":
        raise InputError("--processbench takes the rules strict and lenient: 'authors' does not judge step by step")
    written, others = tee(solutions)
    records: list[Record] = []
    dropped = ill_posed = empty = 0
    pairs = zip(written, grade_records(others, lexicon, rule, modulus), strict=True)
    for number, (solution, graded) in enumerate(pairs, 1):
        verdict, text = graded.verdict, solution.solution or ""
        sentences = split_solution(last_attempt(strict_text(text) if rule == "lenient" else text).text).sentences
        back = taken_back(sentences)
        shown = [n for n in range(1, len(sentences) + 1) if view == "raw" or n not in back]
        if verdict is None or not shown:
            ill_posed, empty = ill_posed + (verdict is None), empty + (verdict is not None)
            continue
        label, error = -1, verdict.error
        if error is not None:
            at_the_end = error.kind in OF_THE_END
            if at_the_end and end_errors == "drop":
                dropped += 1
                continue
            label = len(shown) - 1 if at_the_end else shown.index(error.step)
        records.append(
            {
                "id": f"{name}-{number}-{view}",
                "generator": (about or {}).get("generator") or solution.fields.get("generator") or name,
                "problem": solution.problem.strip(),
                "steps": [f"{sentences[n - 1]}." for n in shown],
                "final_answer_correct": verdict.correct or bool(graded.answer_right),
                "label": label,
                "error_kind": None if error is None else str(error.kind),
                "op": graded.op,
                "modulus": solution.modulus or modulus,
                "lexicon": lexicon or solution.lexicon or "full",
                "retries": verdict.taken_back,
            }
            | {key: value for key, value in (about or {}).items() if key != "generator"}
        )
    return Written(records, dropped, ill_posed, empty)


def about_run(path: Path) -> Record:
    """Generator, run, cell and decoder of an evaluation's generations; nothing of another file."""
    if not (path.parent / SUMMARY).is_file():
        return {}
    one = read_evaluation(path.parent)
    run = path.parent.parent.parent.name
    generator = f"{run}, {one.decoder}" + ("" if one.seed is None else f", seed {one.seed}")
    return {"generator": generator, "run": run, "cell": one.cell, "decoder": one.decoder}


def _known(value: str, known: Sequence[str], what: str) -> None:
    if value not in known:
        raise InputError(f"unknown {what} '{value}'; one of {', '.join(known)} is expected")
