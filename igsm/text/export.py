"""Solutions of our own problems, `gen-data`'s or a model's, as the rows that trainers take.

segments, labels, trl    right solutions with what they take back, masked or not (`igsm.text.targets`)
preference               prompt, chosen, rejected: a right solution and a wrong one of the same problem
stepwise                 prompt, completions, labels: the steps up to the first wrong one
processbench             ProcessBench's records (`igsm.grading.processbench`)
verl                     data_source, prompt, ability, reward_model, extra_info: a problem a row
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from igsm.errors import InputError, suggest
from igsm.grading import processbench
from igsm.grading.check import problem_of
from igsm.grading.outputs import Outputs
from igsm.problems.lexicon import SHIPPED
from igsm.text.files import must_be_writable, write_rows
from igsm.text.record import Row
from igsm.text.solution_rows import pairs, stepwise, verl, verl_schema
from igsm.text.solutions import Solved, solved
from igsm.text.targets import NO_LOSS, must_fit, must_need, row_of, sample_of
from igsm.text.tokens import Piece, Tokenizer

TARGETS = ("segments", "labels", "trl", "preference", "stepwise", "processbench", "verl")
_WITHOUT_LOSS = ("processbench", "verl")


class Export(NamedTuple):
    """What is written, and how solutions are read.

    Attributes:
        target: one of `TARGETS`.
        mask, tokenizer: of segments, labels and trl, as for `igsm.text.targets.row_of`.
        lexicon, rule, modulus: as for `igsm.grading.check.grade_records`; the rule "authors" knows no steps.
        view, end_errors: of processbench.
        skip_bad: leave out solutions of problems that cannot be read.
        samples: so many of the first rows with mistakes are kept in pieces that have loss or have none.
    """

    target: str
    mask: str = "none"
    tokenizer: Tokenizer | None = None
    lexicon: str | None = None
    rule: str = "strict"
    modulus: int = 23
    view: str = "kept"
    end_errors: str = "drop"
    skip_bad: bool = False
    samples: int = 0


@dataclass
class Exported:
    """What `export` has done.

    Attributes:
        solutions: read.
        written: rows.
        left_out: solutions without a row, by reason.
        wrong: solutions that are wrong in the end.
        tokens, tokens_with_loss: of targets made of token ids.
        longest_row: tokens of the longest one.
        samples: see `Export`.
        bytes_read, bytes_total: of the file; the total is not known of standard input.
    """

    solutions: int = 0
    written: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    tokens: int = 0
    tokens_with_loss: int = 0
    longest_row: int = 0
    samples: list[list[Piece]] = field(default_factory=list)
    bytes_read: int = 0
    bytes_total: int | None = None

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def must_be_possible(settings: Export, out: Path) -> None:
    """Raise InputError for a target, a mask, a rule or a name that does not go with the others."""
    target = settings.target
    if target not in TARGETS:
        raise InputError(f"unknown target '{target}'{suggest(target, TARGETS)}")
    if target in _WITHOUT_LOSS and settings.mask != "none":
        raise InputError(f"--mask {settings.mask}: {target} has no masks; leave --mask out")
    must_need(target, settings.tokenizer)
    if target not in _WITHOUT_LOSS:
        must_fit(target, settings.mask, settings.tokenizer)
    if target == "verl" and settings.lexicon not in (None, *SHIPPED):
        raise InputError(f"--lexicon {settings.lexicon}: rewards read {' and '.join(SHIPPED)} only")
    processbench.must_be_possible(settings.view, settings.end_errors, settings.rule)
    must_be_writable(out, (".jsonl", ".parquet") if target == "verl" else (".jsonl",), f"--to {target}")


def export(file: Path, out: Path, settings: Export) -> Iterator[Exported]:
    """Write a row for each solution in a file, or for each pair or problem; memory does not grow with the file.

    Yields what has been done, the same object, after each row; the file has its name when the iterator ends.

    Raises:
        InputError: a solution that cannot be read, with its line; nothing to write; see `must_be_possible`.
    """
    must_be_possible(settings, out)
    outputs = Outputs(file)
    done = Exported(bytes_total=outputs.source.size)
    if settings.target == "processbench":
        rows = _processbench(outputs, settings, done)
    else:
        same = itertools.groupby(_solved(outputs, settings, done), key=lambda one: one.problem)
        rows = itertools.chain.from_iterable(_rows(list(group), settings, done) for _, group in same)

    def check() -> None:
        if not done.solutions:
            raise InputError(f"{file}: has no records; one JSON object a line is expected")
        if not done.written:
            raise InputError(f"{out}: no rows to write of {done.solutions:,} solutions: {in_words(done.left_out)}")

    def counted() -> Iterator[Row]:
        for row in rows:
            done.written += 1
            labels = row.get("labels", []) if "input_ids" in row else []
            done.tokens += len(labels)
            done.longest_row = max(done.longest_row, len(labels))
            done.tokens_with_loss += len(labels) - labels.count(NO_LOSS)
            yield row

    for _ in write_rows(out, counted(), check, verl_schema):
        done.bytes_read = outputs.source.position
        yield done


def in_words(left_out: dict[str, int]) -> str:
    """Reasons and how often."""
    return "; ".join(f"{n:,} {reason}" for reason, n in left_out.items())


def _solved(outputs: Outputs, settings: Export, done: Exported) -> Iterator[Solved]:
    for solution in outputs:
        done.solutions += 1
        chat = outputs.fields is not None and outputs.fields.problem.startswith(("messages", "conversations"))
        try:
            problem = problem_of(solution, settings.lexicon, settings.modulus)
            if isinstance(problem, InputError):
                raise problem
            one = solved(solution, problem, settings.rule, "messages" if chat else "prompt-completion")
        except InputError as error:
            if not settings.skip_bad:
                where = f"{outputs.path}, line {solution.line}"
                raise InputError(f"{where}: {error}; --skip-bad leaves such rows out") from None
            done.leave_out("cannot be read")
            continue
        done.wrong += not one.verdict.correct
        yield one


def _rows(group: list[Solved], settings: Export, done: Exported) -> Iterator[Row]:
    """The rows of solutions of one problem."""
    if settings.target == "verl":
        for _ in group[1:]:
            done.leave_out("of a problem that has a row")
        yield verl(group[0], done.written, settings.lexicon)
    elif settings.target == "preference":
        for pair in pairs(group):
            if isinstance(pair, str):
                done.leave_out(pair)
            else:
                yield pair
    else:
        for one in group:
            row = stepwise(one) if settings.target == "stepwise" else _of_text(one, settings, done)
            if row is not None:
                yield row


def _of_text(one: Solved, settings: Export, done: Exported) -> Row | None:
    if not one.verdict.correct:
        done.leave_out("wrong in the end")
        return None
    row = row_of(one.record, one.record, settings.target, settings.mask, settings.tokenizer)
    if row is not None and one.verdict.taken_back and len(done.samples) < settings.samples:
        done.samples.append(sample_of(one.record, row, settings.mask, settings.tokenizer))
    return row


def _processbench(outputs: Outputs, settings: Export, done: Exported) -> Iterator[Row]:
    about = processbench.about_run(outputs.path)
    name = processbench.name_of(outputs.path, about)
    options = {one: getattr(settings, one) for one in ("lexicon", "rule", "modulus", "view", "end_errors")}
    for made in processbench.each_record(outputs, name, about=about, **options):
        done.solutions += 1
        if isinstance(made, str):
            done.leave_out(made)
            continue
        done.wrong += made["label"] >= 0
        yield made
