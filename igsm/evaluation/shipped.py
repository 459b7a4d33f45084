"""What comes with the package: two trained models, and problems for them (`igsm/trained/README.md`)."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.errors import InputError, suggest
from igsm.evaluation.cells import Cell
from igsm.grading.reader import IllPosedError, Reader, read_problem
from igsm.problems.difficulty import DIFFICULTIES, ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource
from igsm.rundir import read_json, read_jsonl

MODELS = {"retry": "error-free", "error-free": "retry"}
"""Name of a model -> the one it is compared with."""
CLASS = ProblemConfig(difficulty="trio")
"""What both models were trained on, and the problems are of (those of the test split)."""
PURPOSE = "try"
"""Of the problems' stream: no evaluation has them."""

_FOLDER = Path(str(importlib.resources.files("igsm"))) / "trained"


def model_folder(name: str) -> Path:
    """The checkpoint of a shipped model. InputError if there is none of this name."""
    if name not in MODELS:
        raise InputError(f"no shipped model is called '{name}'{suggest(name, MODELS)}")
    return _FOLDER / name


def trained_model(text: str) -> Path:
    """The folder of a model that is there already: a shipped one, by name, or a run's. InputError if there is none."""
    if text in MODELS:
        return model_folder(text)
    if not Path(text).is_dir():
        known = f"a run folder, or a model that comes with the package ({', '.join(MODELS)}), is expected"
        raise InputError(f"{text}: {known}{suggest(text, MODELS)}")
    return Path(text)


def model_provenance(name: str) -> dict[str, Any]:
    """What a shipped model was trained on, by which command, and its accuracy in cells of test problems."""
    content: dict[str, Any] = read_json(model_folder(name) / "provenance.json")
    return content


@dataclass(frozen=True)
class Drawn:
    """A problem to look at."""

    problem: Problem
    op: int
    index: int | None = None
    """In the stream of its number of operations; None: it was typed."""
    chosen: bool = False
    """Because it shows what the two models do differently; the others are as they were drawn."""
    reordered: bool = False
    """Its question was typed at the other end than where it stood in training."""


class Series:
    """Test problems of a class, as many as one asks for; those that come with the package first.

    Args:
        trained_on: the class, as a model's data says it.
        seed: of the stream; the problems of the package are the first of seed 0.
        announce: called before the generator is needed, which may have to be compiled.
    """

    def __init__(self, trained_on: ProblemConfig, seed: int, announce: Callable[[], None]) -> None:
        self._trained_on, self._seed, self._announce = trained_on, seed, announce
        self._given: dict[int, int] = {}
        self._sources: dict[int, ProblemSource] = {}
        self._shipped: dict[int, list[Drawn]] = {}
        if trained_on == CLASS and seed == 0:
            for drawn in shipped_problems():
                self._shipped.setdefault(drawn.op, []).append(drawn)

    @property
    def usual_op(self) -> int:
        """The fewest operations that are more than any problem of the class has in training."""
        return DIFFICULTIES[self._trained_on.difficulty].harder[0]

    def next(self, op: int) -> Drawn:
        """The next problem of so many operations.

        Raises:
            InputError: the class has none.
        """
        number = self._given.get(op, 0)
        shipped = self._shipped.get(op, [])
        if number < len(shipped):
            drawn = shipped[number]
        else:
            index = number - sum(one.chosen for one in shipped)
            drawn = Drawn(self._source(op).problem(index), op, index)
        self._given[op] = number + 1
        return drawn

    def _source(self, op: int) -> ProblemSource:
        if op not in self._sources:
            self._sources[op] = problem_source(self._trained_on, op, self._seed)
            self._announce()
        return self._sources[op]


def problem_source(trained_on: ProblemConfig, op: int, seed: int) -> ProblemSource:
    """Test problems of a class, of so many operations. InputError if the class can have none."""
    cell = Cell(trained_on.difficulty, trained_on.format, op, exact=True)
    return ProblemSource(cell.problems(trained_on), seed, PURPOSE)


def read_text(trained_on: ProblemConfig, text: str) -> Drawn:
    """The problem that a text states, in the names that a model of this class knows.

    Its question stands where it stood in training, wherever it was typed.

    Raises:
        InputError: what is wrong with it.
    """
    law = trained_on.problem_class
    lexicon = load_lexicon(law.lexicon)
    try:
        problem = read_problem(text, lexicon, law.modulus)
    except IllPosedError as error:
        if error.kind != "unknown name":
            raise
        names = [name for name in lexicon.names if name not in lexicon.groups]
        shown = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        raise InputError(f"{error}; the model knows {shown}") from None
    question_first = trained_on.format == "qp"
    reordered = problem.question_first != question_first
    problem.question_first = question_first
    return Drawn(problem, problem.op, reordered=reordered)


def shipped_problems() -> list[Drawn]:
    """The problems that come with the package, in order."""
    law = CLASS.problem_class
    reader = Reader(load_lexicon(law.lexicon))
    return [
        Drawn(reader.read(record["problem"], law.modulus), record["op"], record["index"], record["chosen"])
        for record in read_jsonl(_FOLDER / "problems.jsonl")
    ]
