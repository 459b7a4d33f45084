"""Problems drawn once and looked at by several tests."""

from __future__ import annotations

import functools
from typing import Any

from igsm.problems import record as r
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.record import NUMBER, Record
from igsm.problems.source import ProblemSource


@functools.cache
def _drawn(n: int, seed: int, settings: tuple[tuple[str, Any], ...]) -> tuple[Record, ...]:
    source = ProblemSource(ProblemConfig(**dict(settings)), seed)
    return tuple(source.record(i) for i in range(n))


def drawn(n: int, seed: int = 0, **settings: Any) -> tuple[Record, ...]:
    """The first n problems of a stream."""
    return _drawn(n, seed, tuple(sorted(settings.items())))


def inputs(record: Record, parameter: int) -> list[int]:
    """The parameters that one is computed from, without the random number."""
    listed = record.inputs[parameter, : record.n_inputs[parameter]]
    return [int(p) for p in listed if p != NUMBER]


def solution(record: Record) -> list[int]:
    """Parameters in solution order."""
    return record.solution[: record.head[r.N_SOLUTION]].tolist()


def ancestors(record: Record, parameter: int) -> set[int]:
    """The parameter and all that it depends on."""
    found, stack = {parameter}, [parameter]
    while stack:
        for p in inputs(record, stack.pop()):
            if p not in found:
                found.add(p)
                stack.append(p)
    return found


def identity(record: Record) -> bytes:
    """All that makes a problem, as bytes."""
    return b"".join(array.tobytes() for array in record)
