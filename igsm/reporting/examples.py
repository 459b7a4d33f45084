"""Solutions of two models to the same problems, side by side: not only wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igsm.grading.metrics import Json, error_kind
from igsm.reporting.names import with_decoder
from igsm.reporting.results import Result
from igsm.reporting.samples import Sample, generations
from igsm.reporting.table import PROBED, Table

PAIRS = 3
"""Rows that are set beside the baseline."""
LONGEST = 600
"""Solutions that are looked at first, in letters: short ones are read."""


@dataclass(frozen=True)
class Example:
    """One problem and what one or two models made of it."""

    heading: str
    cell: str
    problem: str
    samples: tuple[Sample, ...]


def choose_examples(table: Table) -> list[Example]:
    """A few problems of a cell that two rows share: one right, the other right, both, neither.

    Without two rows on the same problems, right and wrong solutions of one row.
    """
    pairs = _pairs(table)
    if pairs:
        return [example for first, second in pairs for example in _beside(first, second)]
    for result in _results(table):
        if examples := _alone(result):
            return examples
    return []


def _results(table: Table) -> list[Result]:
    """The evaluations of the table, the hardest first."""
    found = {result.folder: result for cell in table.cells.values() for result in cell.results}
    kept = [result for result in found.values() if result.decoder not in PROBED]
    return sorted(kept, key=lambda result: result.correct / result.n)


def _pairs(table: Table) -> list[tuple[Result, Result]]:
    """The baseline (or the first row) and each other row on the same problems, where they solve about half of these."""
    rows = [row for row in table.rows if any(table.cell(row, column).results for column in table.columns)]
    base = table.baseline if table.baseline in rows else next(iter(rows), None)
    pairs: list[tuple[Result, Result]] = []
    for row in rows:
        if row == base or base is None or len(pairs) == PAIRS:
            continue
        shared = [
            (first, second)
            for column in table.columns
            for first in table.cell(base, column).results
            for second in table.cell(row, column).results
            if first.decoder not in PROBED and second.decoder not in PROBED and first.same_problems(second)
        ]
        if shared:
            pairs.append(min(shared, key=_dull_pair))
    return pairs


def _dull_pair(pair: tuple[Result, Result]) -> tuple[bool, float]:
    first, second = pair
    return first.seed != second.seed, abs((first.correct / first.n + second.correct / second.n) / 2 - 0.5)


def _beside(first: Result, second: Result) -> list[Example]:
    kinds = {
        (False, True): f"Only {second.row} is right",
        (True, False): f"Only {first.row} is right",
        (True, True): "Both are right",
        (False, False): "Both are wrong",
    }
    right = [result.numbers.of_problems("accuracy") for result in (first, second)]
    groups: dict[tuple[bool, ...], list[int]] = {kind: [] for kind in kinds}
    for index in right[0].keys() & right[1].keys():
        groups[tuple(bool(own[index]) for own in right)].append(index)
    texts = [_read(result) for result in (first, second)]
    examples = []
    for kind, heading in kinds.items():
        known = [index for index in groups[kind] if all(index in read for read in texts)]
        if not known:
            continue
        # One that a model corrected itself in tells more than one it did not; of equals the shortest.
        index = min(known, key=lambda i: _dullness([read[i][0] for read in texts]))
        samples = tuple(_sample(result, *read[index]) for result, read in zip((first, second), texts, strict=True))
        share = f"{len(groups[kind]):,} of {min(first.n, second.n):,} problems"
        examples.append(Example(f"{heading} ({share})", first.cell, samples[0].problem, samples))
    return examples


def _alone(result: Result) -> list[Example]:
    read = _read(result)
    examples = []
    for right, heading in ((True, "Right"), (False, "Wrong")):
        known = [index for index, (_, verdict) in read.items() if bool(verdict.get("correct")) == right]
        for index in sorted(known, key=lambda i: _dullness([read[i][0]]))[:2]:
            sample = _sample(result, *read[index])
            examples.append(Example(f"{heading}: problem {index}", result.cell, sample.problem, (sample,)))
    return examples


def _read(result: Result) -> dict[int, tuple[Json, Json]]:
    """Problem -> its generation and verdict."""
    verdicts = {int(verdict["index"]): verdict for verdict in result.evaluation.verdicts()}
    return {
        index: (record, verdicts[index])
        for record in generations(result)
        if (index := int(record["index"])) in verdicts
    }


def _dullness(records: Sequence[Json]) -> tuple[bool, bool, int]:
    texts = [str(record["text"]) for record in records]
    length = max(map(len, texts))
    return length > LONGEST, not any(" BACK" in text for text in texts), length


def _sample(result: Result, record: Json, verdict: Json) -> Sample:
    step = (verdict.get("error") or {}).get("step")
    problem = str(record.get("problem", "")).strip()
    kind = error_kind(verdict)
    return Sample(result, int(record["index"]), problem, str(record["text"]), not kind, kind, step)


def model_name(result: Result) -> str:
    """ "retry 0.2, greedy, training seed 3"."""
    seed = "" if result.seed is None else f", training seed {result.seed}"
    return with_decoder(result.row, result.decoder) + seed
