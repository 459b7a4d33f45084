"""Chunks of problems, for compiled code: requests drawn first, candidates filed under them.

The law of a problem is: its number of operations from its own law, the rest from the conditional law given that
number (and a template hash in the split's bins). So a chunk draws the requests (targets) of all its problems at
once and then candidates, each of which serves the first open request for its number of operations, or none. That
changes nothing in the law, and takes 1.6 candidates a problem (med, train) instead of 22. A problem outside the slice
(`where`) is drawn again, with another number of operations.

The corpus calls, from its own compiled code::

    start_chunk(key, law, chunk)                  # key: uint64[4]
    for i in range(len(chunk.target)):
        if serve(i, law, tables, work, chunk) == SERVED:
            record = row(chunk.records, i)        # valid until the next start_chunk
    next_chunk(law, chunk)                        # go on with a key drawn from this chunk's stream

`serve` draws candidates only until problem i is there, so that the first few problems of a chunk are cheap. Problem
i of a chunk depends on the key and the law alone, not on which problems were served before.

Problems are counted in two ways, which have no problem in common:

- By index (`problems.source`: `mistakes show`, test sets, probes). Every 256 problems are a chunk with a key of its
  own, so that problem i is reached without making those before it.
- By block (`corpus.blocks`: training, `gen-data`, `export`). From the block's key on, chunks of 64 follow each other
  until its windows are full, which nobody can number beforehand. `mistakes show --block` shows them.
"""

from typing import NamedTuple

import numpy as np

from igsm.problems import record as r
from igsm.problems.candidate import Workspace, draw_candidate, draw_op, write_rest, write_solution_part
from igsm.problems.counts import is_within
from igsm.problems.law import Law
from igsm.problems.letters import write_fixed_letters
from igsm.problems.lexicon import Tables
from igsm.problems.reask import ask_again
from igsm.problems.record import Record, new_records, row
from igsm.problems.split import split_bin
from igsm.seeds import compiled, next_uint64

CHUNK = 256
"""Problems of a chunk."""
PATIENCE = 1_000_000
"""Structure graphs (and candidates dropped before) that serve nothing before a request counts as impossible."""

SERVED = 0
IMPOSSIBLE = 1


class Chunk(NamedTuple):
    """A chunk being served; buffers that are used again for the next one."""

    state: np.ndarray
    """uint64[4]: the chunk's random stream."""
    following: np.ndarray
    """uint64[4]: key of the next chunk."""
    target: np.ndarray
    """int64[n]: requested number of operations of problem i."""
    served: np.ndarray
    """uint8[n]."""
    next_request: np.ndarray
    """int64[n]: the next problem that asks for the same number of operations, -1 after the last."""
    first_open: np.ndarray
    """int64[max_op + 1]: first open request for a number of operations, -1 for none."""
    next_open: np.ndarray
    """int64[max_op + 2]: the least number of operations >= k with an open request, max_op + 1 for none."""
    since_last: np.ndarray
    """int64[1]: structure graphs since a request was served."""
    records: Record
    """n records."""


def new_chunk(law: Law, n: int = CHUNK) -> Chunk:
    """Buffers for chunks of n problems."""
    return Chunk(
        state=np.zeros(4, np.uint64),
        following=np.zeros(4, np.uint64),
        target=np.zeros(n, np.int64),
        served=np.zeros(n, np.uint8),
        next_request=np.zeros(n, np.int64),
        first_open=np.zeros(law.max_op + 1, np.int64),
        next_open=np.zeros(law.max_op + 2, np.int64),
        since_last=np.zeros(1, np.int64),
        records=new_records(n),
    )


@compiled
def start_chunk(key: np.ndarray, law: Law, chunk: Chunk) -> None:
    """Begin the chunk that this key (uint64[4]) names: draw what its problems are asked to be."""
    for i in range(4):
        chunk.state[i] = key[i]
    for i in range(4):
        chunk.following[i] = next_uint64(chunk.state)
    n = len(chunk.target)
    chunk.since_last[0] = 0
    for op in range(law.max_op + 1):
        chunk.first_open[op] = -1
    for i in range(n):
        chunk.served[i] = 0
        chunk.target[i] = law.max_op if law.exact else draw_op(chunk.state, law)
    for i in range(n - 1, -1, -1):
        chunk.next_request[i] = chunk.first_open[chunk.target[i]]
        chunk.first_open[chunk.target[i]] = i
    _note_open(law.max_op, chunk)


@compiled
def _note_open(max_op: int, chunk: Chunk) -> None:
    chunk.next_open[max_op + 1] = max_op + 1
    for op in range(max_op, -1, -1):
        chunk.next_open[op] = op if chunk.first_open[op] >= 0 else chunk.next_open[op + 1]


@compiled
def next_chunk(law: Law, chunk: Chunk) -> None:
    """Begin the chunk after this one, in an endless stream of chunks that one key names."""
    start_chunk(chunk.following.copy(), law, chunk)


@compiled
def serve(i: int, law: Law, tables: Tables, work: Workspace, chunk: Chunk) -> int:
    """Draw candidates until problem i of the chunk is in `chunk.records`.

    Args:
        i: 0 .. n-1.
        law: from `law_of`.
        tables: `Lexicon.tables`.
        work: from `new_workspace`.
        chunk: started.

    Returns:
        SERVED, or IMPOSSIBLE when a million structure graphs in a row served no open request.
    """
    while not chunk.served[i]:
        if chunk.since_last[0] >= PATIENCE:
            return IMPOSSIBLE
        _try_candidate(law, tables, work, chunk)
    return SERVED


@compiled
def _try_candidate(law: Law, tables: Tables, work: Workspace, chunk: Chunk) -> None:
    state = chunk.state
    candidate = draw_candidate(state, law, chunk.next_open, work)
    chunk.since_last[0] += max(candidate.attempts, 1)
    if candidate.operations == 0:
        return
    slot = chunk.first_open[candidate.operations]
    if slot < 0:
        return
    record = row(chunk.records, slot)
    if not write_solution_part(state, candidate, law, tables, work, record):
        return
    record.head[r.BIN] = split_bin(record, tables, law.by_dependencies)
    if record.head[r.BIN] < law.first_bin or record.head[r.BIN] > law.last_bin:
        return
    write_rest(state, candidate, law, work, record)
    record.head[r.TARGET_OP] = candidate.operations
    if law.reask > 0 and not ask_again(state, law, tables, work, record):
        return
    if len(law.first_letter) > 0:
        write_fixed_letters(record, tables, law.first_letter)
    if len(law.where) > 0 and not is_within(record, law.where, work.scratch):
        if not law.exact:
            _ask_otherwise(slot, law, chunk)
        return
    chunk.first_open[candidate.operations] = chunk.next_request[slot]
    if chunk.first_open[candidate.operations] < 0:
        _note_open(law.max_op, chunk)
    chunk.served[slot] = 1
    chunk.since_last[0] = 0


@compiled
def _ask_otherwise(slot: int, law: Law, chunk: Chunk) -> None:
    """Draw a first open request anew, whose problem lay outside the slice: the whole problem is rejected, its number of
    operations included. So the law is that of the class, given the slice."""
    chunk.first_open[chunk.target[slot]] = chunk.next_request[slot]
    chunk.target[slot] = draw_op(chunk.state, law)
    chunk.next_request[slot] = chunk.first_open[chunk.target[slot]]
    chunk.first_open[chunk.target[slot]] = slot
    _note_open(law.max_op, chunk)
