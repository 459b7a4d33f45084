"""Statistics of the mistakes, under the names of ../shared/reference/retry_med.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.problem_statistics import Histogram, Statistic, mean
from igsm.corpus.vocabulary import load_vocabulary
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.draw import draw_mistakes
from igsm.mistakes.pools import can_next
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS, MISTAKE_PARAMETER, MISTAKE_STEP
from igsm.problems import record as r
from igsm.problems.record import Record, row
from igsm.problems.source import ProblemSource
from igsm.seeds import derive_key

KIND_NAMES = {"retry": "retry", "weak": "retry_weak", "miss": "retry_miss"}
"""Their names of kinds -> ours."""
TYPES = tuple(
    f"{kind}|{needed}|{place}"
    for kind in ("inst", "abs")
    for needed in ("necessary", "unnecessary")
    for place in ("in_problem", "not_in_problem")
)
MOST_BEFORE_A_STEP = 40


def variants(reference: Mapping[str, Any]) -> Iterator[tuple[str, MistakeConfig]]:
    """Name and settings of every variant measured ("weak|0.2|True": kind, rate, current sentence included)."""
    for name in reference["variants"]:
        kind, rate, current = name.split("|")
        yield (
            name,
            MistakeConfig(kind=KIND_NAMES[kind], rate=float(rate), include_current=current == "True"),
        )


def their_mistakes(variant: Mapping[str, Any]) -> dict[str, tuple[Any, int]]:
    """Statistic -> (histogram or number, problems)."""
    n, total = variant["n"], variant["back_total"]
    values = {
        "mean_back_per_solution_sentence": variant["mean_back_per_solution_sentence"],
        "mean_back_per_problem": variant["mean_back_per_problem"],
        "inserted_types": variant["inserted_types"],
        "backs_before_a_sentence_hist": variant["backs_before_a_sentence_hist"],
        "share_computable": variant["checks"]["can_next_all"] / total,
        "share_next_step": variant["checks"]["is_the_next_step"] / total,
        "total_len": variant["total_len"]["mean"],
        "sol_len": variant["sol_len"]["mean"],
    }
    return {name: (value, n) for name, value in values.items()}


def mistake_statistics(
    source: ProblemSource, records: Record, config: MistakeConfig, seed: int
) -> dict[str, Statistic]:
    """The same of ours, with mistakes of this kind put into n problems of `source`."""
    n = len(records.head)
    lengths = np.diff(load_vocabulary(source.config).fragments.start)
    state = derive_key("fidelity of mistakes", seed, config.kind, str(config.rate))
    drawn = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
    types = np.zeros((n, len(TYPES)))
    before = np.zeros((n, MOST_BEFORE_A_STEP + 1))
    computable, next_step, total_length, solution_length = np.zeros((4, n))
    for i in range(n):
        record = row(records, i)
        n_mistakes = draw_mistakes(record, config.law, state, drawn)
        mistakes = drawn[:n_mistakes]
        solution = record.solution[: record.head[r.N_SOLUTION]]
        for step, parameter in mistakes[:, [MISTAKE_STEP, MISTAKE_PARAMETER]]:
            defined = np.zeros(r.MAX_PARAMETERS, np.bool_)
            defined[solution[:step]] = True
            computable[i] += can_next(record, parameter, defined)
            next_step[i] += parameter == solution[step]
            abstract = parameter >= record.head[r.N_INSTANCES]
            types[i, 4 * abstract + 2 * (parameter not in solution) + (record.mentioned[parameter] == 0)] += 1
        before[i] = np.bincount(
            np.bincount(mistakes[:, MISTAKE_STEP], minlength=len(solution)), minlength=MOST_BEFORE_A_STEP + 1
        )
        document = Document.of_record(record, source.lexicon, mistakes)
        tokens = lengths[document.codes]
        solution_length[i] = tokens[document.problem_end : document.solution_end].sum()
        total_length[i] = tokens.sum() + 4
    count = types.sum(1)
    return {
        "mean_back_per_solution_sentence": mean(count, records.head[:, r.N_SOLUTION]),
        "mean_back_per_problem": mean(count),
        "inserted_types": Histogram(TYPES, types),
        "backs_before_a_sentence_hist": Histogram(tuple(map(str, range(MOST_BEFORE_A_STEP + 1))), before),
        "share_computable": mean(computable, count),
        "share_next_step": mean(next_step, count),
        "total_len": mean(total_length),
        "sol_len": mean(solution_length),
    }
