"""Lengths in tokens of a sample of problems."""

from __future__ import annotations

import numpy as np

from benchmarks.problem_statistics import Deviation, Statistic, histogram, mean
from igsm.corpus.vocabulary import load_vocabulary
from igsm.mistakes.rows import MISTAKE_COLUMNS, SPAN_COLUMNS
from igsm.mistakes.writing import write_document
from igsm.problems import record as r
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import Lexicon
from igsm.problems.record import Record, row
from igsm.problems.wording import MAX_FRAGMENTS


def token_lengths(records: Record, lexicon: Lexicon, config: ProblemConfig) -> dict[str, Statistic]:
    """Tokens of problem, solution and whole document (with its four special tokens)."""
    lengths = np.diff(load_vocabulary(config).fragments.start)
    codes = np.zeros(MAX_FRAGMENTS, np.int32)
    none = np.zeros((0, MISTAKE_COLUMNS), np.int32)
    spans = np.zeros((0, SPAN_COLUMNS), np.int32)
    n = len(records.head)
    problem, solution, total = (np.zeros(n, np.int64) for _ in range(3))
    for i in range(n):
        first, second, end = write_document(row(records, i), none, lexicon.tables, codes, spans)
        problem[i] = lengths[codes[:first]].sum()
        solution[i] = lengths[codes[first:second]].sum()
        total[i] = lengths[codes[:end]].sum() + 4
    found: dict[str, Statistic] = {
        "total_len_hist_by_64": histogram(total // 64, labels=[str(64 * k) for k in range(total.max() // 64 + 1)])
    }
    op = records.head[:, r.OP]
    for name, short, values in (
        ("prob_token", "prob", problem),
        ("sol_token", "sol", solution),
        ("total_len", "total", total),
    ):
        found[name] = mean(values)
        found[name + ".std"] = Deviation(values.astype(float))
        for k in np.unique(op):
            found[f"by_op/{k}/{short}"] = mean(values * (op == k), op == k)
    for limit in (512, 768, 1024):
        found[f"share_total_gt_{limit}"] = mean(total > limit)
    return found
