"""What can be counted in a problem: in the order of `igsm.problems.slices.COUNTS`, for compiled code."""

import numpy as np

from igsm.problems import record as r
from igsm.problems.record import NUMBER, Record, row
from igsm.problems.slices import COUNTS
from igsm.seeds import compiled

N_COUNTS = len(COUNTS)
(
    OP,
    STEPS,
    DEPTH,
    LAYERS,
    INPUTS,
    FRONTIER,
    ABSTRACT,
    NUMBERS,
    TIMES,
    DIFFERENCES,
    REUSED,
    ZEROS,
    BACKWARDS,
    UNNEEDED,
    SENTENCES,
    MENTIONS,
    QUERY,
    ANSWER,
) = range(N_COUNTS)


@compiled
def write_counts(record: Record, scratch: np.ndarray, counts: np.ndarray) -> None:
    """Count in one problem. "Needed" is what the solution defines, the question included.

    Args:
        record: complete.
        scratch: int64[3, 64].
        counts: int64[N_COUNTS], filled. `depth` counts the steps of the longest chain that ends with the question,
            `inputs` those of one needed parameter, the random number included, `frontier` the mentioned parameters
            that can be computed next at some point of the solution, `backwards` the needed sentences that stand before
            the sentence of one of their inputs, `query` is the place (from 1) of the asked parameter's sentence, 0 if
            it is abstract.
    """
    head = record.head
    n_instances, n_solution, question = head[r.N_INSTANCES], head[r.N_SOLUTION], head[r.QUESTION]
    chain, uses, place = scratch[0], scratch[1], scratch[2]
    counts[:] = 0
    counts[OP], counts[STEPS], counts[LAYERS], counts[SENTENCES] = head[r.OP], n_solution, head[r.DEPTH], n_instances
    counts[ANSWER] = record.value[question]
    for position in range(n_instances):
        place[record.sentences[position]] = position + 1
        counts[MENTIONS] += record.n_inputs[position]
    for parameter in range(head[r.N_PARAMETERS]):
        uses[parameter] = 0
    defined = 0
    for position in range(n_solution):
        parameter = int(record.solution[position])
        counts[FRONTIER] = max(counts[FRONTIER], _computable(record, defined))
        defined |= 1 << parameter
        stated = parameter < n_instances
        counts[ABSTRACT] += 0 if stated else 1
        counts[ZEROS] += 1 if record.value[parameter] == 0 else 0
        counts[INPUTS] = max(counts[INPUTS], record.n_inputs[parameter])
        counts[TIMES] += record.multiply[parameter]
        counts[DIFFERENCES] += record.subtract[parameter]
        chain[parameter] = 1
        backwards = 0
        for i in range(record.n_inputs[parameter]):
            given = int(record.inputs[parameter, i])
            if given == NUMBER:
                counts[NUMBERS] += 1
                continue
            chain[parameter] = max(chain[parameter], chain[given] + 1)
            uses[given] += 1
            counts[REUSED] += 1 if uses[given] == 2 else 0
            if stated and given < n_instances and place[given] > place[parameter]:
                backwards = 1
        counts[BACKWARDS] += backwards
    counts[DEPTH] = chain[question]
    counts[UNNEEDED] = n_instances + counts[ABSTRACT] - n_solution
    counts[QUERY] = place[question] if question < n_instances else 0


@compiled
def _computable(record: Record, defined: int) -> int:
    """How many of the mentioned parameters can be computed next; `defined` is a mask."""
    found = 0
    for parameter in range(record.head[r.N_PARAMETERS]):
        ready = int(record.mentioned[parameter]) & ~(defined >> parameter) & 1
        for i in range(record.n_inputs[parameter]):
            given = int(record.inputs[parameter, i])
            if given != NUMBER:
                ready &= defined >> given
        found += ready
    return found


@compiled
def is_within(record: Record, bounds: np.ndarray, scratch: np.ndarray) -> bool:
    """Whether a problem lies in a slice; bounds of `Slice.table`, scratch int64[3, 64]."""
    counts = np.zeros(N_COUNTS, np.int64)
    write_counts(record, scratch, counts)
    for i in range(len(bounds)):
        if counts[bounds[i, 0]] < bounds[i, 1] or counts[bounds[i, 0]] > bounds[i, 2]:
            return False
    return True


@compiled
def _count_all(records: Record, counts: np.ndarray) -> None:
    scratch = np.zeros((3, r.MAX_PARAMETERS), np.int64)
    for i in range(len(counts)):
        write_counts(row(records, i), scratch, counts[i])


def counts_of(records: Record) -> np.ndarray:
    """The counts of n problems: int64[n, N_COUNTS]."""
    counts = np.zeros((len(records.head), N_COUNTS), np.int64)
    _count_all(records, counts)
    return counts
