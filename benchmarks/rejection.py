"""What the literal procedure rejects: one target at a time, candidates until one fits, nothing given up early."""

from __future__ import annotations

import numpy as np

from benchmarks.problem_statistics import Statistic, mean
from igsm.problems import record as r
from igsm.problems.candidate import draw_candidate, draw_op, new_workspace, write_rest, write_solution_part
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.law import law_of
from igsm.problems.lexicon import load_lexicon
from igsm.problems.record import Record, new_records, row
from igsm.problems.split import split_bin
from igsm.seeds import compiled, derive_key

OUTCOMES = (
    "s>op_, n_op==s",
    "s>op_, n_op<s (capacity)",
    "s<op_",
    "s==op_ but n_op<s (capacity)",
    "ACCEPTED-op with s!=op_",
)
REJECTED_OP, REJECTED_HASH, FAILED_OP, FAILED_HASH, INFEASIBLE = range(len(OUTCOMES), len(OUTCOMES) + 5)


@compiled
def _one_problem(state, law, tables, everything, work, record, counts):
    """Draw candidates for one target until one fits; add what happened to counts (int64[10])."""
    target = law.max_op if law.exact else draw_op(state, law)
    while True:
        candidate = draw_candidate(state, law, everything, work)
        if candidate.operations == 0:
            counts[INFEASIBLE] += 1
            continue
        s = candidate.drawn_op
        fits = candidate.operations == target
        if fits and s != target:
            counts[4] += 1
        elif s < target:
            counts[2] += 1
        elif not fits and s == target:
            counts[3] += 1
        elif not fits:
            counts[0 if candidate.operations == s else 1] += 1
        if not fits:
            counts[REJECTED_OP] += 1
            counts[FAILED_OP] += candidate.attempts - 1
            continue
        write_solution_part(state, candidate, law, tables, work, record)
        record.head[r.BIN] = split_bin(record, tables, law.by_dependencies)
        if law.first_bin <= record.head[r.BIN] <= law.last_bin:
            write_rest(state, candidate, law, work, record)
            return
        counts[REJECTED_HASH] += 1
        counts[FAILED_HASH] += candidate.attempts - 1


@compiled
def _many_problems(state, law, tables, everything, work, records, counts):
    for i in range(len(counts)):
        _one_problem(state, law, tables, everything, work, row(records, i), counts[i])


def literal_sample(config: ProblemConfig, n: int, seed: int) -> tuple[Record, np.ndarray]:
    """n problems, and what was rejected on the way to each: int64[n, 10]."""
    law = law_of(config)
    counts = np.zeros((n, INFEASIBLE + 1), np.int64)
    records = new_records(n)
    everything = np.arange(law.max_op + 2)
    state = derive_key("rejections", seed, config.stream_name)
    tables = load_lexicon(config.problem_class.lexicon).tables
    _many_problems(state, law, tables, everything, new_workspace(), records, counts)
    return records, counts


def rejections(config: ProblemConfig, n: int, seed: int) -> dict[str, Statistic]:
    """Rejected candidates and failed walks for each of n accepted problems."""
    _, counts = literal_sample(config, n, seed)
    found: dict[str, Statistic] = {
        f"op_mismatch_per_problem/{outcome}": mean(counts[:, i]) for i, outcome in enumerate(OUTCOMES)
    }
    found["rejected_per_problem/n_op"] = mean(counts[:, REJECTED_OP])
    found["rejected_per_problem/infeasible"] = mean(counts[:, INFEASIBLE])
    found["rejected_per_problem/hash"] = mean(counts[:, REJECTED_HASH])
    found["failed_walks_of_rejected/n_op"] = mean(counts[:, FAILED_OP])
    found["failed_walks_of_rejected/hash"] = mean(counts[:, FAILED_HASH])
    return found
