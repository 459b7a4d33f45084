"""Our solutions as records of ProcessBench (arXiv 2412.06559)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import tee
from pathlib import Path
from typing import Any

from igsm.errors import InputError
from igsm.grading.attempts import last_attempt
from igsm.grading.check import grade_records
from igsm.grading.evaluations import SUMMARY, read_evaluation
from igsm.grading.lenient import strict_text
from igsm.grading.records import TextRecord
from igsm.grading.steps import split_solution, taken_back
from igsm.grading.summary import Graded
from igsm.grading.verdict import OF_THE_END

VIEWS = ("kept", "raw")
END_ERRORS = ("drop", "last")
END_ERROR, ILL_POSED, EMPTY = "only ends wrongly", "has an ill-posed problem", "has no step"

Record = dict[str, Any]


def each_record(
    solutions: Iterable[TextRecord],
    name: str,
    *,
    lexicon: str | None = None,
    rule: str = "strict",
    modulus: int = 23,
    view: str = "kept",
    end_errors: str = "drop",
    about: Mapping[str, Any] | None = None,
) -> Iterator[Record | str]:
    """Of each solution its record, or why it has none: `END_ERROR`, `ILL_POSED` or `EMPTY`.

    A record has `id`, `generator`, `problem`, `steps`, `final_answer_correct`, `label`, and ours: error_kind, op,
    modulus, lexicon, retries, and those of `about`. A label counts from 0; -1: no step is wrong.

    Args:
        name: what ids begin with.
        lexicon, rule, modulus: as of `grade_records`; the rule "authors" knows no steps.
        view: "kept": without the sentences that are taken back; "raw": with them, and none of them is an error.
        end_errors: "drop" a solution in which only the end is wrong, or label its "last" step.
        about: further fields of all records, `generator` among them.
    """
    must_be_possible(view, end_errors, rule)
    written, others = tee(solutions)
    pairs = zip(written, grade_records(others, lexicon, rule, modulus), strict=True)
    for number, (solution, graded) in enumerate(pairs, 1):
        made = _record_of(solution, graded, rule, view, end_errors)
        if not isinstance(made, str):
            made |= {"id": f"{name}-{number}-{view}", "lexicon": lexicon or solution.lexicon or "full"}
            made |= {"modulus": solution.modulus or modulus, **(about or {})}
            made["generator"] = (about or {}).get("generator") or solution.fields.get("generator") or name
        yield made


def must_be_possible(view: str, end_errors: str, rule: str) -> None:
    """Raise InputError for an unknown view, an unknown way with errors of the end, or a rule that knows no steps."""
    _known(view, VIEWS, "view")
    _known(end_errors, END_ERRORS, "way with errors of the end")
    if rule == "authors":
        raise InputError("the rule 'authors' does not judge step by step: strict or lenient is expected")


def _record_of(solution: TextRecord, graded: Graded, rule: str, view: str, end_errors: str) -> Record | str:
    """The record of a graded solution, its id, generator, modulus and lexicon left open, or why it has none."""
    verdict, text = graded.verdict, solution.solution or ""
    sentences = split_solution(last_attempt(strict_text(text) if rule == "lenient" else text).text).sentences
    back = taken_back(sentences)
    shown = [n for n in range(1, len(sentences) + 1) if view == "raw" or n not in back]
    if verdict is None:
        return ILL_POSED
    if not shown:
        return EMPTY
    label, error = -1, verdict.error
    if error is not None:
        at_the_end = error.kind in OF_THE_END
        if at_the_end and end_errors == "drop":
            return END_ERROR
        label = len(shown) - 1 if at_the_end else shown.index(error.step)
    return {
        "id": "",
        "generator": "",
        "problem": solution.problem.strip(),
        "steps": [f"{sentences[n - 1]}." for n in shown],
        "final_answer_correct": verdict.correct or bool(graded.answer_right),
        "label": label,
        "error_kind": None if error is None else str(error.kind),
        "op": graded.op,
        "modulus": None,
        "lexicon": None,
        "retries": verdict.taken_back,
    }


def name_of(file: Path, about: Mapping[str, Any]) -> str:
    """What the ids of a file's records begin with; `about`: of `about_run`."""
    return f"{about['run']}-{file.parent.name}" if about else file.name.partition(".")[0]


def about_run(path: Path) -> Record:
    """Generator, run, cell, decoder and weights of an evaluation's generations; nothing of another file."""
    if not (path.parent / SUMMARY).is_file():
        return {}
    one = read_evaluation(path.parent)
    run = path.parent.parent.parent.name
    generator = f"{run}, {one.decoder}" + ("" if one.seed is None else f", seed {one.seed}")
    weights = {"weights": one.settings["weights"]} if "weights" in one.settings else {}
    return {"generator": generator, "run": run, "cell": one.cell, "decoder": one.decoder, **weights}


def _known(value: str, known: Sequence[str], what: str) -> None:
    if value not in known:
        raise InputError(f"unknown {what} '{value}'; one of {', '.join(known)} is expected")
