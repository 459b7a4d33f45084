"""A problem class in numbers, before anything is trained on it: is it one in which retry data can be studied?

Everything is a mean over the first n problems of a stream; the class's own numbers are those of its train split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from igsm.config import build_config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.evaluation.cells import Cell, figure_cells
from igsm.evaluation.ideal import Names, greedy_mistakes, mode_is_mistake, pools
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.kinds import NAMES_ONLY
from igsm.mistakes.layout import Part
from igsm.mistakes.source import DocumentSource
from igsm.problems import record as r
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.problem import Problem
from igsm.problems.record import NUMBER, Record
from igsm.problems.source import ProblemSource
from igsm.problems.wording import write_name
from igsm.seeds import numpy_generator

SMALL_POOL = 2
FEW_ORDERS = 0.5
"""Share of problems with a second order of steps, below which a solution in another order is mostly a copy."""
MOST_OFTEN_MODE = 0.03
"""Above this share of steps, mistakes are no longer the exception that the paper's classes make them."""
_SPECIAL_TOKENS = 4  # of a document: before problem, solution and answer, and at the end
Arm = tuple[str, float]
"""Kind and rate of mistakes."""


@dataclass(frozen=True)
class CellFacts:
    """One test distribution.

    Attributes:
        templates: effective number of solution templates: 1 / the chance that two problems have the same one (inverse
            Simpson index, the unbiased estimate); infinite if no two of the n have.
        always_zero: share of problems whose answer is 0.
        back: mistakes that the ideal model (`igsm.evaluation.ideal`) makes and takes back in a solution, by arm.
    """

    cell: Cell
    templates: float
    always_zero: float
    back: dict[Arm, float]


@dataclass(frozen=True)
class Description:
    """A class.

    Attributes:
        tokens: of an error-free document, the special ones included.
        parameters: that the structure graph has, needed or not.
        steps: of a solution.
        pool: parameters, before a step, that are not defined and cannot be computed next: what `retry` draws from.
        small_pool: share of steps at which there are at most `SMALL_POOL` of them.
        mode: by arm, share of steps at which the most probable next sentence is a mistake (`mode_is_mistake`).
    """

    n: int
    tokens: float
    parameters: float
    steps: float
    pool: float
    small_pool: float
    mode: dict[Arm, float]
    cells: tuple[CellFacts, ...]


def describe(problem: ProblemConfig, arms: Sequence[Arm], n: int, seed: int = 1) -> Description:
    """Draw n problems of the class and of each of its cells (`figure_cells`), and count.

    Args:
        problem: the class.
        arms: kinds (`kinds.NAMES_ONLY`) and rates.
    """
    clean = _training_problems(problem)
    vocabulary = load_vocabulary(clean)
    source = DocumentSource(clean, seed=seed)
    records = [source.record(i) for i in range(n)]
    sizes = [len(pool) for record in records for pool in pools(record, "retry")]
    cells = figure_cells(clean.difficulty, clean.format, clean.problem_class.max_op)
    return Description(
        n=n,
        tokens=float(np.mean([_tokens(source, i, vocabulary) for i in range(n)])),
        parameters=_mean(record.head[r.N_PARAMETERS] for record in records),
        steps=_mean(record.head[r.N_SOLUTION] for record in records),
        pool=_mean(sizes),
        small_pool=_mean(size <= SMALL_POOL for size in sizes),
        mode={arm: _mode(records, arm) for arm in arms},
        cells=tuple(_describe_cell(cell, clean, arms, n, seed, vocabulary) for cell in cells),
    )


def mode_share(problem: ProblemConfig, mistakes: MistakeConfig) -> float:
    """Share of steps at which, in 100 problems of these settings, the single most probable sentence is a mistake."""
    if mistakes.kind not in NAMES_ONLY:
        return 0.0
    source = ProblemSource(_training_problems(problem), seed=1)
    return _mode([source.record(i) for i in range(100)], (mistakes.kind, mistakes.rate))


def copied_orders(data: Iterable[Mapping[str, Any]]) -> list[str]:
    """What to know about methods that write a solution in another order, in classes where few solutions have one.

    Args:
        data: settings of training data, each as in a config's `data`.
    """
    methods: dict[ProblemConfig, set[str]] = {}
    for settings in data:
        one = build_config(DataConfig, dict(settings), "data")
        if one.method.layout().has(Part.OTHER_ORDER):
            methods.setdefault(_training_problems(one.problem), set()).add(one.method.name)
    lines = []
    for problem, names in methods.items():
        share = second_order_share(problem)
        if share < FEW_ORDERS:
            who = f"{' and '.join(sorted(names))} in this class ({problem.difficulty})"
            there = f"only {100 * share:.0f} % of the solutions have another order"
            lines.append(f"{who}: {there}; the others are written again as they were")
    return lines


def second_order_share(problem: ProblemConfig) -> float:
    """Share of 1,000 problems of these settings whose steps have another valid order: not single chains."""
    source = ProblemSource(_training_problems(problem), seed=1)
    return _mean(_has_second_order(source.problem(i)) for i in range(1000))


def _has_second_order(problem: Problem) -> bool:
    """Two steps in a row of which the later does not need the earlier one can change places."""
    return any(before not in problem.inputs(after) for before, after in pairwise(problem.solution))


def warnings(arms: Iterable[tuple[ProblemConfig, MistakeConfig]]) -> list[str]:
    """What to know about mistakes that are the most probable sentence too often, one line an arm."""
    lines = []
    alike = {(_training_problems(problem), mistakes.kind, mistakes.rate): mistakes for problem, mistakes in arms}
    for (problem, kind, rate), mistakes in alike.items():
        share = mode_share(problem, mistakes)
        if share > MOST_OFTEN_MODE:
            lines.append(
                f"{kind} at rate {rate:g} in this class ({problem.difficulty}) makes a mistake "
                f"the most probable sentence at {100 * share:.0f} % of the steps: greedy decoding then retries"
            )
    return lines


def _training_problems(problem: ProblemConfig) -> ProblemConfig:
    """The class's training problems."""
    return problem.model_copy(update={"split": "train", "reask": "none"})


def _describe_cell(
    cell: Cell, problem: ProblemConfig, arms: Sequence[Arm], n: int, seed: int, vocabulary: Vocabulary
) -> CellFacts:
    source = ProblemSource(cell.problems(problem), seed)
    records = [source.record(i) for i in range(n)]
    names = [_names(record, source, vocabulary) for record in records]
    back = {}
    for kind, rate in arms:
        random = numpy_generator("ideal", seed, cell.name, kind, f"{rate:g}")
        back[kind, rate] = _mean(
            greedy_mistakes(record, kind, rate, tokens, random) for record, tokens in zip(records, names, strict=True)
        )
    return CellFacts(
        cell=cell,
        templates=_effective_number([template(record) for record in records]),
        always_zero=_mean(record.value[record.head[r.QUESTION]] == 0 for record in records),
        back=back,
    )


def _mode(records: Sequence[Record], arm: Arm) -> float:
    return _mean(share for record in records for share in mode_is_mistake(record, *arm))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _tokens(source: DocumentSource, i: int, vocabulary: Vocabulary) -> int:
    return len(vocabulary.encode_fragments(source.document(i).codes)) + _SPECIAL_TOKENS


def _names(record: Record, source: ProblemSource, vocabulary: Vocabulary) -> Names:
    names, codes = {}, np.zeros(3, np.int32)
    for parameter in range(record.head[r.N_PARAMETERS]):
        write_name(record, parameter, source.lexicon.tables, codes, 0)
        names[parameter] = tuple(int(token) for token in vocabulary.encode_fragments(codes))
    return names


def template(record: Record) -> tuple[tuple[int, ...], ...]:
    """A solution without names, numbers and letters, as the split by solution sees it.

    For each step: abstract or not, number of factors of a term, whether a number is added or a factor, sum or
    difference, and the steps that it uses, by position.
    """
    position: dict[int, int] = {}
    steps = []
    for parameter in (int(p) for p in record.solution[: record.head[r.N_SOLUTION]]):
        abstract, layer, _, target = (int(value) for value in record.parameter[parameter])
        inputs = [int(p) for p in record.inputs[parameter, : record.n_inputs[parameter]]]
        number = (1 + int(record.multiply[parameter])) if NUMBER in inputs else 0
        factors = 2 if abstract and target > layer + 1 and inputs else 1
        used = [position[p] for p in inputs if p != NUMBER]
        steps.append((abstract, factors, number, int(record.subtract[parameter]), *used))
        position[parameter] = len(position)
    return tuple(steps)


def _effective_number(kinds: Sequence[object]) -> float:
    pairs = sum(count * (count - 1) for count in Counter(kinds).values())
    return len(kinds) * (len(kinds) - 1) / pairs if pairs else float("inf")
