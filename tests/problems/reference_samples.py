"""The authors' samples as records: what their texts say, in the form that the sampler would have filled."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

from igsm.grading.reader import Reader
from igsm.mistakes.rows import MISTAKE_COLUMNS, NAME_ONLY
from igsm.problems import record as layout
from igsm.problems.lexicon import Lexicon, load_lexicon
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import SYMBOLS, Problem
from igsm.problems.record import NUMBER, Record, new_records, row

STEP = re.compile(r" Define ([^.;]+) as (BACK|([A-Za-z]);[^.]*)\.")


@dataclass
class Sample:
    """One of the authors' documents, read back."""

    given: dict
    lexicon: Lexicon
    problem: Problem
    record: Record
    mistakes: np.ndarray

    @property
    def correct_solution(self) -> str:
        """The solution without its mistakes."""
        return "".join(step[0] for step in STEP.finditer(self.given["solution"]) if step[2] != "BACK")


def read_samples(folder: Path) -> list[Sample]:
    lexicon = load_lexicon(str(folder / "lexicon_official.json"))
    reader = Reader(lexicon)
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [_read(json.loads(line), lexicon, reader) for line in lines]


def _read(given: dict, lexicon: Lexicon, reader: Reader) -> Sample:
    problem = reader.read(given["prob"])
    solution, mistakes = [], []
    for step in STEP.finditer(given["solution"]):
        parameter = problem.find(step[1])
        assert parameter is not None, step[1]
        if step[2] == "BACK":
            mistakes.append((len(solution), step[1]))
        else:
            solution.append(parameter)
    problem.solution = tuple(solution)
    letters = dict.fromkeys(re.findall(r"(?:;| so| as) ([A-Za-z])(?=;| =)", given["solution"]))
    problem.symbols = "".join(letters)
    # Abstract sums go by the order of the items, which only the solution tells.
    steps = [step[0] for step in STEP.finditer(given["solution"]) if step[2] != "BACK"]
    for layer in range(problem.depth):
        problem = max(orders(problem, layer), key=lambda one: _agreement(one.solution_text, steps))
    record = record_of(problem, lexicon)
    rows = [(step, problem.parameters.index(problem.find(name)), 1, 0, 0, NAME_ONLY) for step, name in mistakes]
    return Sample(given, lexicon, problem, record, np.array(rows, np.int32).reshape(-1, MISTAKE_COLUMNS))


def _agreement(text: str, steps: list[str]) -> int:
    return sum(step[0] == given for step, given in zip(STEP.finditer(text), steps, strict=True))


def record_of(problem: Problem, lexicon: Lexicon) -> Record:
    """The record that says the same as a problem small enough for one."""
    record = row(new_records(1), 0)
    parameters = {parameter: n for n, parameter in enumerate(problem.parameters)}
    chain = next(n for n, chain in enumerate(lexicon.chains) if set(problem.categories) <= set(chain))
    head = record.head
    head[layout.DEPTH] = problem.depth
    head[layout.CHAIN] = chain
    head[layout.FIRST_CATEGORY] = lexicon.chains[chain].index(problem.categories[0])
    head[layout.N_INSTANCES] = len(problem.expressions)
    head[layout.N_PARAMETERS] = len(parameters)
    head[layout.QUESTION] = parameters[problem.question]
    head[layout.N_SOLUTION] = len(problem.solution)
    head[layout.OP] = problem.op
    head[layout.MODULUS] = problem.modulus
    head[layout.QUESTION_FIRST] = problem.question_first
    for layer, items in enumerate(problem.items):
        record.widths[layer] = len(items)
        category = lexicon.groups[problem.categories[layer]]
        for j, item in enumerate(items):
            record.names[layer, j] = _name_number(item, category, lexicon)
    record.number[:] = -1
    for parameter, n in parameters.items():
        record.parameter[n] = parameter
        inputs = [parameters[q] for q in problem.inputs(parameter)]
        if not parameter.abstract:
            expression = problem.expressions[parameter]
            record.multiply[n], record.subtract[n] = expression.multiply, expression.subtract
            if expression.number is not None:
                record.number[n] = expression.number
                inputs = [NUMBER, *inputs]
        record.n_inputs[n] = len(inputs)
        record.inputs[n, : len(inputs)] = inputs
        record.value[n] = problem.value(parameter)
        record.mentioned[n] = not parameter.abstract or parameter in problem.needed
    record.solution[: len(problem.solution)] = [parameters[p] for p in problem.solution]
    record.sentences[: len(problem.sentences)] = [parameters[p] for p in problem.sentences]
    letters = [SYMBOLS.index(letter) for letter in problem.symbols]
    record.symbols[:] = letters + [n for n in range(52) if n not in letters]
    return record


def _name_number(item: str, category: dict[str, tuple[str, ...]], lexicon: Lexicon) -> int:
    group_items = [name for names in category.values() for name in names]
    first = next(n for n in range(len(lexicon.names)) if lexicon.names[n : n + len(group_items)] == tuple(group_items))
    return first + group_items.index(item)


def reorder(problem: Problem, layer: int, order: tuple[int, ...]) -> Problem:
    """The same problem with the items of one layer numbered in another order."""
    new = {old: n for n, old in enumerate(order)}

    def moved(p: Parameter) -> Parameter:
        item = new[p.item] if p.layer == layer else p.item
        target = new[p.target] if not p.abstract and p.layer + 1 == layer else p.target
        return Parameter(p.abstract, p.layer, item, target)

    items = [list(names) for names in problem.items]
    items[layer] = [items[layer][old] for old in order]
    return Problem(
        problem.categories,
        items,
        {
            moved(p): Expression(tuple(map(moved, e.inputs)), e.number, e.multiply, e.subtract)
            for p, e in problem.expressions.items()
        },
        moved(problem.question),
        question_first=problem.question_first,
        sentences=[moved(p) for p in problem.sentences],
        solution=[moved(p) for p in problem.solution],
        symbols=problem.symbols,
    )


def orders(problem: Problem, layer: int) -> list[Problem]:
    """The problem with one layer's items in every order."""
    return [reorder(problem, layer, order) for order in permutations(range(len(problem.items[layer])))]
