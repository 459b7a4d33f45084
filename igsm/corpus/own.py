"""Wrong solutions that a model wrote, as data: graded generations of problems of the training split."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.grading.evaluations import SUMMARY, records_of
from igsm.grading.grade import grade
from igsm.grading.reader import Reader
from igsm.grading.steps import stated_name
from igsm.grading.verdict import FirstError
from igsm.mistakes.layout import ERROR_MARKS, OwnSolutions
from igsm.mistakes.other_order import draw_order
from igsm.mistakes.rows import SPAN_COLUMNS, SPAN_END, SPAN_NAME_END, SPAN_NAME_START, SPAN_START
from igsm.problems import record as r
from igsm.problems.difficulty import SPLITS, ProblemConfig
from igsm.problems.law import law_of
from igsm.problems.letters import write_fixed_letters
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.problem_record import record_of
from igsm.problems.record import LETTERS, NUMBER, Record, new_records
from igsm.problems.solution import write_solution
from igsm.problems.split import dependency_bin
from igsm.problems.wording import AS, BACK, FIRST_SYMBOL, MAX_NUMBERS, SEMICOLON, SO, STOP, FragmentTable
from igsm.seeds import derive_key, shuffle

_ROOM = 1 << 12
"""Fragments; more than a solution without mistakes has."""
# columns of `Own.about`
ANSWER, WRONG_STEP, FIRST_ERROR = range(3)
_ERRORS = {mark.name.lower().replace("_", " "): place for place, mark in enumerate(ERROR_MARKS)}
SEEN = "eval/* seen-*"
"""Evaluations of problems whose templates are of the training split."""


class Own(NamedTuple):
    """Wrong solutions for compiled code, n of them.

    Attributes:
        records: of their problems. The solution begins with the model's right steps, in its order and letters, and goes
            on with the step that it got wrong, if that could be computed there.
        codes: int32 [...], fragments of all solutions, one after the other.
        start: int64 [n + 1], where each begins.
        spans: int32 [n, SPAN_COLUMNS], of the wrong step, counted from there.
        about: int64 [n, 3], the answer, the number of the wrong step from 1, and what verdicts call it (a position in
            `layout.ERROR_MARKS`).
    """

    records: Record
    codes: np.ndarray
    start: np.ndarray
    spans: np.ndarray
    about: np.ndarray


class _Wrong(NamedTuple):
    record: Record
    codes: np.ndarray
    span: np.ndarray
    about: tuple[int, int, int]


def _packed(found: list[_Wrong]) -> Own:
    records = new_records(len(found))
    for i, one in enumerate(found):
        for column, values in zip(records, one.record, strict=True):
            column[i] = values
    return Own(
        records,
        np.concatenate([np.zeros(0, np.int32), *(one.codes for one in found)]),
        np.cumsum([0, *(len(one.codes) for one in found)]),
        np.array([one.span for one in found], np.int32).reshape(len(found), SPAN_COLUMNS),
        np.array([one.about for one in found], np.int64).reshape(len(found), 3),
    )


NOTHING = _packed([])


def files_of(path: Path) -> list[Path]:
    """The files with generations that a path names: itself, those of an evaluation, or of a run's evaluations.

    Raises:
        InputError: there are none of the training split.
    """
    if path.is_file():
        if (path.parent / SUMMARY).is_file() and " seen-" not in path.parent.name:
            raise InputError(f"method.wrong: {path}: is of problems of the test split; give a cell that is seen")
        return [path]
    folders = [path] if re.search(r" seen-", path.name) else sorted(path.glob(SEEN))
    files = [file for folder in folders for file in sorted(folder.glob("generations.jsonl.gz"))]
    if not files:
        raise InputError(
            f"method.wrong: {path}: no generations of problems of the training split there; make them: "
            f"mistakes eval {path} --cells 'op<=N seen'"
        )
    return files


def digest_of(path: Path) -> str:
    """Names what the files hold: the start of a SHA-256. Raises InputError as `files_of`."""
    digest = hashlib.sha256()
    for record in _records(path):
        digest.update(repr([record[name] for name in _FIELDS]).encode())
    return digest.hexdigest()[:16]


_FIELDS = ("problem", "solution", "answer", "modulus", "lexicon")


def _records(path: Path) -> Iterator[dict[str, object]]:
    for file in files_of(path):
        for number, record in enumerate(records_of(file), 1):
            if missing := [name for name in _FIELDS if name not in record]:
                raise InputError(f"method.wrong: {file}, line {number}: has no '{missing[0]}'")
            yield record


@lru_cache(maxsize=4)
def load_own(source: OwnSolutions, problem: ProblemConfig) -> Own:
    """The wrong solutions that documents can be made of.

    Left out are right ones, those that were not finished or hold other words than solutions do, those that take steps
    back or define what is not needed before their wrong step, and those whose first error is no whole wrong step.

    Args:
        source: where they lie, and the digest that they must have.
        problem: the problems of the training data.

    Raises:
        InputError: other files than the digest was taken of, problems of another class or split, or none that is left.
    """
    path = Path(source.path)
    if digest_of(path) != source.digest:
        raise InputError(
            f"method.wrong: {path}: holds other solutions than those of the run's beginning (digest {source.digest}); "
            "give it those, or begin a new run"
        )
    reader = _Reader(problem)
    seen: set[tuple[object, ...]] = set()
    found: list[_Wrong] = []
    why: Counter[str] = Counter()
    for record in _records(path):
        key = (record["problem"], record["solution"], record["answer"])
        if key in seen:
            continue
        seen.add(key)
        one = reader.read(record, path)
        if isinstance(one, str):
            why[one] += 1
        else:
            found.append(one)
    if not found:
        told = ", ".join(f"{count:,} {reason}" for reason, count in why.most_common()) or "there are none"
        raise InputError(f"method.wrong: {path}: no wrong solutions that documents can be made of: {told}")
    return _packed(found)


class _Reader:
    """Reads graded generations of one problem class."""

    def __init__(self, problem: ProblemConfig) -> None:
        self._config, self._law = problem, law_of(problem)
        self._lexicon = load_lexicon(problem.problem_class.lexicon)
        self._reader = Reader(self._lexicon)
        self._table = FragmentTable(self._lexicon.names)
        self._vocabulary = load_vocabulary(problem, "gpt2")
        strings = sorted(set(self._table.strings), key=len, reverse=True)
        self._fragments = re.compile("|".join(map(re.escape, strings)))
        self._code = {string: code for code, string in reversed([*enumerate(self._table.strings)])}

    def read(self, generation: dict[str, object], path: Path) -> _Wrong | str:
        """A wrong solution, or why it is left out."""
        problem = self._problem(generation, path)
        text, answer = str(generation["solution"]), str(generation["answer"]).strip()
        error = grade(problem, text, answer).error
        if error is None:
            return "right"
        if error.kind not in _ERRORS or not re.fullmatch(r"\d|1\d|2[0-2]", answer):
            return "without a whole wrong step or an answer"
        codes = self._codes(text)
        if codes is None or codes[-1] != STOP or BACK in codes:
            return "in other words, or with steps taken back"
        stops = np.flatnonzero(codes == STOP)
        if len(stops) >= MAX_NUMBERS:
            return "with more steps than there are numbers"
        record = self._record(problem, codes, text, error)
        start = 0 if error.step == 1 else int(stops[error.step - 2]) + 1
        if record is None or not self._begins_alike(record, codes[:start]):
            return "with unusual right steps before the wrong one"
        about = int(answer), error.step, _ERRORS[error.kind]
        return _Wrong(record, codes, self._span(codes, start, int(stops[error.step - 1]), error), about)

    def _problem(self, generation: dict[str, object], path: Path) -> Problem:
        law = self._config.problem_class
        there, here = (generation["lexicon"], generation["modulus"]), (law.lexicon, law.modulus)
        if there != here:
            raise InputError(
                f"method.wrong: {path}: its problems have the names of lexicon '{there[0]}' modulo {there[1]}, the "
                f"data those of '{here[0]}' modulo {here[1]}"
            )
        problem = self._reader.read(str(generation["problem"]), law.modulus)
        most = self._config.op or law.max_op
        if problem.op > most or problem.question_first != (self._config.format == "qp"):
            form = "qp" if problem.question_first else "pq"
            raise InputError(
                f"method.wrong: {path}: has a problem of {problem.op} operations, form {form}; the data have up to "
                f"{most}, form {self._config.format}"
            )
        return problem

    def _codes(self, text: str) -> np.ndarray | None:
        """The fragments of a solution's text; None where it holds other words."""
        text = f" {text.strip()}"
        pieces = self._fragments.findall(text)
        if "".join(pieces) != text:
            return None
        codes = np.array([self._code[piece] for piece in pieces], np.int32)
        try:
            same = np.array_equal(self._vocabulary.encode_fragments(codes), self._vocabulary.encode_text(text))
        except InputError:
            return None
        return codes if same else None

    def _record(self, problem: Problem, codes: np.ndarray, text: str, error: FirstError) -> Record | None:
        """The problem, with the solution that goes on from the model's right steps; None where it cannot."""
        record, numbers = record_of(problem, self._lexicon)
        if self._law.by_dependencies and dependency_bin(record) not in SPLITS[self._config.split]:
            raise InputError(
                f"method.wrong: has problems of another split than '{self._config.split}'; make generations of cells "
                "whose names end in 'seen'"
            )
        sentences = text.strip().removesuffix(".").split(". ")
        named = [problem.find(stated_name(sentence) or "") for sentence in sentences[: error.step]]
        *begun, wrong = [-1 if one is None else numbers[one] for one in named]
        needed = {numbers[one] for one in problem.needed}
        if len(set(begun)) < len(begun) or not set(begun) <= needed:
            return None
        state = derive_key("own solutions", problem.text, text)
        order = record.solution.copy()
        draw_order(record, state, order)
        rest = [int(one) for one in order[: record.head[r.N_SOLUTION]] if one not in begun]
        inputs = [one for one in record.inputs[wrong, : record.n_inputs[wrong]] if one != NUMBER]
        if wrong in rest and all(one in begun for one in inputs):
            rest.remove(wrong)
            rest.insert(0, wrong)
        record.solution[: len(needed)] = [*begun, *rest]
        if len(self._law.first_letter):
            write_fixed_letters(record, self._lexicon.tables, self._law.first_letter)
            return record
        stops = np.flatnonzero(codes == STOP)
        used = _letters(codes[: int(stops[error.step - 2]) + 1 if error.step > 1 else 0])
        free = np.array([letter for letter in range(self._law.n_symbols) if letter not in used], np.int8)
        shuffle(state, free, len(free))
        letters = [*used, *free]
        if len(letters) < record.head[r.N_SYMBOLS] or len(letters) > LETTERS:
            return None
        record.symbols[: len(letters)] = letters
        return record

    def _begins_alike(self, record: Record, codes: np.ndarray) -> bool:
        """Whether the record's solution begins with these fragments."""
        out = np.zeros(_ROOM, np.int32)
        end = write_solution(record, self._lexicon.tables, out, 0)
        return len(codes) < end and np.array_equal(out[: len(codes)], codes)

    def _span(self, codes: np.ndarray, start: int, end: int, error: FirstError) -> np.ndarray:
        """The wrong step without its full stop, and the words in it that the grader names."""
        span = np.zeros(SPAN_COLUMNS, np.int32)
        ends = np.cumsum([len(self._table.strings[code]) for code in codes[start:end]]) - 1  # without the first blank
        words = start + np.flatnonzero((ends > error.start) & (ends - ends[0] < max(error.end, error.start + 1)))
        first, last = (int(words[0]), int(words[-1]) + 1) if len(words) else (start, end)
        span[SPAN_START], span[SPAN_END], span[SPAN_NAME_START], span[SPAN_NAME_END] = start, end, first, last
        return span


def _letters(codes: np.ndarray) -> list[int]:
    """The letters that steps define, in order, each once: after "as", and of what stands between the equations."""
    found = []
    for before, code in zip(codes[:-1], codes[1:], strict=True):
        if before == AS or (before == SEMICOLON and code != SO):
            found.append(int(code) - FIRST_SYMBOL)
    return list(dict.fromkeys(found))
