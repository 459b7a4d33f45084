"""What `mistakes try` goes through: models that are loaded when they are needed, and problem after problem."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from igsm.checkpoints import find_stored
from igsm.compilation import announce_compilation
from igsm.config import build_config
from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.evaluation.cells import Cell
from igsm.evaluation.shipped import MODELS, Drawn, Series, model_folder, model_provenance, read_text
from igsm.former_keys import PLAIN_METHOD

if TYPE_CHECKING:
    from cli.try_screen import Screen
    from igsm.evaluation.watch import Solved, Solver

_CANDIDATES = 3
"""Next sentences shown at a step."""


@dataclass
class Model:
    """A model by name. Torch is imported when it is first asked to solve something."""

    name: str
    path: Path
    data: DataConfig
    decoder: str
    seed: int
    is_shipped: bool

    @classmethod
    def shipped(cls, name: str, decoder: str, seed: int) -> Model:
        return cls._at(name, model_folder(name), decoder, seed, True)

    @classmethod
    def of_run(cls, path: Path, decoder: str, seed: int) -> Model:
        return cls._at(str(path), path, decoder, seed, False)

    @classmethod
    def _at(cls, name: str, path: Path, decoder: str, seed: int, is_shipped: bool) -> Model:
        _, config = find_stored(path, "model")
        data = build_config(DataConfig, config.get("data") or {}, f"{path}, data")
        if data.corpus != "igsm":
            raise InputError(f"{path}: trained on '{data.corpus}'; only runs on igsm problems can be tried")
        return cls(name, path, data, decoder, seed, is_shipped)

    @property
    def compared_with(self) -> str:
        """The shipped model for the same problem."""
        return MODELS[self.name] if self.is_shipped else next(iter(MODELS))

    def accuracy(self, op: int) -> float | None:
        """Measured on test problems of so many operations, where it is a shipped model that was."""
        if not self.is_shipped:
            return None
        cell = Cell(self.data.problem.difficulty, self.data.problem.format, op, exact=True)
        found: float | None = model_provenance(self.name)["accuracy"].get(cell.name)
        return found

    @property
    def learned_from(self) -> str:
        """What its documents had, in words."""
        method = self.data.method.name
        if method != PLAIN_METHOD:
            return f"with the method {method}"
        return "with mistakes that are taken back" if self.takes_back else "without mistakes"

    @property
    def takes_back(self) -> bool:
        return self.data.mistakes.kind != "none"

    @cached_property
    def solver(self) -> Solver:
        from igsm.evaluation.runs import load_run
        from igsm.evaluation.watch import Solver

        return Solver(load_run(self.path), self.decoder, self.seed, "cpu" if self.is_shipped else None)


class Session:
    """Problems for a model, one after another.

    Args:
        model: which one.
        op: operations of the problems; None: one more than in training.
        probabilities: whether the next sentences are shown or told too.
    """

    def __init__(self, model: Model, op: int | None, probabilities: bool) -> None:
        self._model, self._probabilities = model, probabilities
        self._series = Series(model.data.problem, model.seed, announce_compilation)
        self._op = op or self._series.usual_op
        self._number = 0
        self._drawn: Drawn | None = None
        self._last: tuple[Model, Solved] | None = None

    @cached_property
    def _screen(self) -> Screen:
        from cli.try_screen import Screen

        return Screen()

    @cached_property
    def _other(self) -> Model:
        return Model.shipped(self._model.compared_with, self._model.decoder, self._model.seed)

    def drawn(self, problems: int, texts: Iterable[str]) -> Iterator[Drawn]:
        """The problems of the texts; if there are none, so many others."""
        none = True
        for text in texts:
            none = False
            yield read_text(self._model.data.problem, text)
        for _ in range(problems if none else 0):
            yield self._series.next(self._op)

    def record(self, drawn: Drawn) -> dict[str, Any]:
        """What `--json` prints of a problem."""
        solver = self._model.solver
        solved = solver.solved(drawn.problem)
        steps = [step._asdict() for step in solved.steps]
        if self._probabilities:
            for number, step in enumerate(steps):
                step["next"] = [one._asdict() for one in solver.next_sentences(solved, number, _CANDIDATES)]
        return {
            "model": self._model.name,
            "decoder": self._model.decoder,
            "op": drawn.op,
            "index": drawn.index,
            "chosen": drawn.chosen,
            "problem": drawn.problem.text.strip(),
            "solution": solved.solution.strip(),
            "answer": solved.answer.strip(),
            "true_answer": drawn.problem.answer,
            **solved.verdict.numbers(),
            "rollbacks": solved.rollbacks,
            "generated_tokens": solved.n_generated,
            "steps": steps,
        }

    def intro(self) -> None:
        """Who solves what."""
        law = self._model.data.problem.problem_class
        line = f"Model {self._model.name}: trained on problems of at most {law.max_op} operations"
        line += f", {self._model.learned_from}."
        accuracy = self._model.accuracy(self._op)
        if accuracy is not None:
            line += f" It solves {100 * accuracy:.0f} % of those of {self._op} (greedy)."
        self._screen.say(line)

    def show(self, drawn: Drawn) -> None:
        """A problem and what the model makes of it."""
        self._number += 1
        problem = self._model.data.problem
        self._drawn = drawn
        self._screen.problem(drawn, self._number, problem.difficulty, problem.problem_class.max_op)
        self._solve(self._model, drawn)

    def _solve(self, model: Model, drawn: Drawn) -> None:
        with self._screen.waiting("loading the model"):
            solver = model.solver
        self._last = model, self._screen.solution(model.name, solver, drawn)
        if self._probabilities:
            self._tell_probabilities()

    def _tell_probabilities(self) -> None:
        assert self._last is not None
        model, solved = self._last
        candidates = [model.solver.next_sentences(solved, number, _CANDIDATES) for number in range(len(solved.steps))]
        self._screen.probabilities(model.name, solved, candidates, model.takes_back)

    def _next(self, op: int) -> None:
        with self._screen.waiting("drawing a problem"):
            drawn = self._series.next(op)
        self._op = op
        self.show(drawn)

    def converse(self) -> None:
        """Problem after problem, as the person at the terminal wants."""
        self.intro()
        self._next(self._op)
        while (asked := self._asked()) not in (None, "q", "quit", "exit"):
            try:
                self._do(asked or "")
            except InputError as error:
                self._screen.say(str(error), "red")

    def _do(self, asked: str) -> None:
        if asked in ("", "n"):
            self._next(self._op)
        elif asked.isdecimal():
            self._next(int(asked))
        elif asked == "b":
            assert self._drawn is not None
            text = self._drawn.problem.text
            self._solve(self._other, read_text(self._other.data.problem, text))  # in the names which that model knows
        elif asked == "p":
            self._tell_probabilities()
        elif " " in asked:
            self.show(read_text(self._model.data.problem, asked))
        else:
            raise InputError(f"'{asked}' is none of these, nor the text of a problem")

    def _asked(self) -> str | None:
        """What the person types, a text of several lines as one; None at the end of the input."""
        op = self._op + 1
        keys = (
            "Enter: next",
            f"b: {self._other.name}",
            "p: probabilities",
            f"{op}: with {op} operations",
            "q: quit",
        )
        self._screen.say("\n" + "  ".join(keys), "dim")
        try:
            asked = input("> ").strip()
            while is_begun(asked):
                more = input("  ").strip()
                if not more:
                    break
                asked += f" {more}"
        except EOFError:
            print()
            return None
        return asked


def is_begun(text: str) -> bool:
    """Whether a problem's text goes on in the next line, since its question (or what follows that) is missing."""
    return text.startswith("The number ") != text.endswith("?") and text.startswith(("The number ", "How many "))


def piped_texts(file: TextIO) -> Iterator[str]:
    """Problems, each in a line of its own or in lines up to its end or an empty one."""
    with contextlib.suppress(OSError):  # what is no file of the system is never waited for
        if not select.select([file], [], [], 0)[0]:
            print("mistakes: waiting for problems on standard input; --problems N shows others", file=sys.stderr)
    text = ""
    for line in file:
        text = f"{text} {line.strip()}".strip()
        if text and not (line.strip() and is_begun(text)):
            yield text
            text = ""
    if text:
        yield text
