"""How well a detector finds first errors, measured as by ProcessBench (arXiv 2412.06559) and beyond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from igsm.classification import area_under_roc
from igsm.errors import InputError
from igsm.grading.sources import read_objects
from igsm.seeds import numpy_generator

_DRAWS = 1000
"""Of the bootstrap; and most thresholds that are tried."""

Record = dict[str, Any]


def read_benchmark(path: Path) -> list[Record]:
    """The records of a file of ours, or of ProcessBench. Raises InputError naming the line that is none."""
    found: list[Record] = []
    ids: set[str] = set()
    for _, where, record in read_objects(path):
        steps, label, name = record.get("steps"), record.get("label"), str(record.get("id"))
        if not isinstance(steps, list) or not steps or record.get("id") is None:
            raise InputError(f"{where}: not a record of ProcessBench: it needs id, label and a list of steps")
        if not all(isinstance(step, str) for step in steps):
            raise InputError(f"{where}: steps must be a list of texts")
        modulus = record.get("modulus", 2)
        if not (modulus is None or (isinstance(modulus, int) and not isinstance(modulus, bool) and modulus >= 2)):
            raise InputError(f"{where}: modulus must be a whole number from 2 on, not {modulus!r}")
        if not isinstance(label, int) or isinstance(label, bool) or not -1 <= label < len(steps):
            raise InputError(f"{where}: the label must be -1 to {len(steps) - 1}, not {label!r}")
        if name in ids:
            raise InputError(f"{where}: the id '{name}' stands there twice")
        ids.add(name)
        found.append(record)
    if not found:
        raise InputError(f"{path}: has no records; one JSON object a line is expected")
    return found


class Predictions(NamedTuple):
    """What a detector says of the records of a benchmark, in their order."""

    steps: list[int | None]
    """The first wrong step, -1 for none; None where it said nothing that could be read."""
    scores: list[list[float]] | None = None
    """Of each step, higher is better; None of a detector that names a step only."""


def read_predictions(path: Path, benchmark: Sequence[Record], threshold: float | None = None) -> Predictions:
    """Of the benchmark's records: `id` with `prediction`, or with `scores` and a threshold.

    Args:
        threshold: the first step that scores less is the first wrong one.

    Raises:
        InputError: a record without prediction, scores without a threshold, or not one score a step.
    """
    by_id: dict[str, tuple[str, Record]] = {}
    for _, where, record in read_objects(path):
        if (name := str(record.get("id"))) in by_id:
            raise InputError(f"{where}: the id '{name}' stands there twice")
        by_id[name] = (where, record)
    missing = [str(record["id"]) for record in benchmark if str(record["id"]) not in by_id]
    if missing:
        raise InputError(f"{path}: has no prediction for {len(missing)} of {len(benchmark)} ids, first '{missing[0]}'")
    steps: list[int | None] = []
    scores: list[list[float]] = []
    for record in benchmark:
        where, found = by_id[str(record["id"])]
        if "scores" in found:
            own = step_scores(found["scores"], len(record["steps"]), where)
            if threshold is None:
                raise InputError(f"{where}: scores need a threshold: give --calibration FILE")
            scores.append(own)
            steps.append(first_below(own, threshold))
            continue
        step = found.get("prediction")
        if "prediction" not in found or isinstance(step, bool) or not isinstance(step, int | None):
            raise InputError(f"{where}: 'prediction' (a whole number, -1: no error) or 'scores' is expected")
        steps.append(step)
    if scores and len(scores) < len(benchmark):
        raise InputError(f"{path}: has scores for some records and a prediction for others")
    return Predictions(steps, scores or None)


def step_scores(value: Any, n: int, where: str) -> list[float]:
    """A list of n numbers. InputError for anything else."""
    numbers = isinstance(value, list) and all(isinstance(one, int | float) and one == one for one in value)
    if not numbers or len(value) != n:
        given = f"{len(value)} scores" if numbers else "no list of numbers"
        raise InputError(f"{where}: one score for each of the {n} steps is expected, not {given}")
    return [float(one) for one in value]


def first_below(scores: Sequence[float], threshold: float) -> int:
    """The first step that scores below the threshold, or -1."""
    return next((number for number, score in enumerate(scores) if score < threshold), -1)


def calibrated(path: Path, benchmark: Sequence[Record]) -> float:
    """The threshold with the highest F1 in a file of other records that have both label and scores.

    Raises:
        InputError: a record that has not, or that is one of the benchmark's.
    """
    records = read_others(path, benchmark)
    scores = [
        step_scores(record.get("scores"), len(record["steps"]), f"{path}, '{record['id']}'") for record in records
    ]
    return best_threshold(records, scores)


def read_others(path: Path, benchmark: Sequence[Record]) -> list[Record]:
    """Records for calibration.

    Raises:
        InputError: one of them is the benchmark's, if only by another view of the same solution; or none is wrong, or
            none right.
    """
    records = read_benchmark(path)
    scored = {one for record in benchmark for one in _signs(record)}
    if shared := [record["id"] for record in records if scored & _signs(record)]:
        raise InputError(f"{path}: '{shared[0]}' is one of the records to score: a threshold must come from others")
    wrong = sum(record["label"] >= 0 for record in records)
    if wrong in (0, len(records)):
        raise InputError(
            f"{path}: has {wrong:,} wrong and {len(records) - wrong:,} right solutions; a threshold needs both"
        )
    return records


def _signs(record: Record) -> set[tuple[str, ...]]:
    """What tells a solution: its id beside the problem, and the steps that no view leaves out."""
    problem = str(record.get("problem", "")).strip()
    kept = (str(step) for step in record["steps"] if " BACK" not in str(step))
    return {("id", problem, str(record["id"])), ("steps", problem, *kept)}


def best_threshold(records: Sequence[Record], scores: Sequence[Sequence[float]]) -> float:
    """The threshold with the highest F1 of the scores of labelled records, one a step."""
    labels = [record["label"] for record in records]
    candidates = sorted({one for own in scores for one in own})
    if len(candidates) > _DRAWS:
        candidates = [candidates[i * len(candidates) // _DRAWS] for i in range(_DRAWS)]
    return max([*candidates, np.inf], key=lambda one: _f1_of(labels, [first_below(own, one) for own in scores]))


def _f1_of(labels: Sequence[int], steps: Sequence[int]) -> float:
    wrong = [label == step for label, step in zip(labels, steps, strict=True) if label >= 0]
    right = [label == step for label, step in zip(labels, steps, strict=True) if label < 0]
    return harmonic_mean(sum(wrong) / max(len(wrong), 1), sum(right) / max(len(right), 1))


def harmonic_mean(on_wrong: float, on_right: float) -> float:
    """ProcessBench's F1: of the accuracies on wrong and on right solutions; 0 where both are 0."""
    return 2 * on_wrong * on_right / (on_wrong + on_right) if on_wrong + on_right else 0.0


def always_right(benchmark: Sequence[Record]) -> list[dict[int, float]]:
    """The baseline "always -1"."""
    return [{-1: 1.0} for _ in benchmark]


def at_random(benchmark: Sequence[Record]) -> list[dict[int, float]]:
    """The baseline "random": -1 or any step, all alike."""
    return [{step: 1 / (len(record["steps"]) + 1) for step in range(-1, len(record["steps"]))} for record in benchmark]


def ground_truth(benchmark: Sequence[Record]) -> list[dict[int, float]]:
    """The labels."""
    return [{record["label"]: 1.0} for record in benchmark]


def certain(predictions: Predictions) -> list[dict[int, float]]:
    """A detector's predictions as probabilities; what could not be read is right nowhere."""
    return [{} if step is None else {step: 1.0} for step in predictions.steps]


def score(
    benchmark: Sequence[Record], chances: Sequence[Mapping[int, float]], scores: Sequence[Sequence[float]] | None = None
) -> dict[str, Any]:
    """All measures of a detector, shares from 0 to 1; None where there is nothing to measure.

    `f1` is that of ProcessBench: the harmonic mean of the accuracies on wrong and on right solutions. Its interval is a
    bootstrap over problems, 95 %. `within_one`: on wrong solutions, at most one step off. `auroc`: of the least score,
    wrong against right solutions. Recalls are accuracies on wrong solutions.

    Args:
        chances: of each record the probability of each prediction.
        scores: of each record's steps.
    """
    labels = np.array([record["label"] for record in benchmark])
    hits = np.array([one.get(record["label"], 0.0) for record, one in zip(benchmark, chances, strict=True)])
    near = [
        sum(chance for step, chance in one.items() if step >= 0 and abs(step - label) <= 1)
        for label, one in zip(labels.tolist(), chances, strict=True)
        if label >= 0
    ]
    wrong = labels >= 0
    on_wrong, on_right = (float(hits[chosen].mean()) if chosen.any() else None for chosen in (wrong, ~wrong))
    both = on_wrong is not None and on_right is not None
    low, high = _bootstrap(benchmark, hits, wrong) if both else (None, None)
    lowest = None if scores is None else np.array([-min(own) for own in scores])
    return {
        "n_wrong": int(wrong.sum()),
        "n_right": int((~wrong).sum()),
        "on_wrong": on_wrong,
        "on_right": on_right,
        "f1": harmonic_mean(on_wrong, on_right) if on_wrong is not None and on_right is not None else None,
        "f1_low": low,
        "f1_high": high,
        "within_one": sum(near) / len(near) if near else None,
        "auroc": None if lowest is None else area_under_roc(lowest, wrong),
        "recall_by_kind": _recalls(benchmark, hits, "error_kind"),
        "recall_by_op": _recalls(benchmark, hits, "op"),
    }


def _recalls(benchmark: Sequence[Record], hits: np.ndarray, field: str) -> dict[Any, tuple[float, int]]:
    """Of wrong solutions: value of the field -> accuracy and number, the most frequent first (numbers: in order)."""
    found: dict[Any, list[float]] = {}
    for record, hit in zip(benchmark, hits.tolist(), strict=True):
        if record["label"] >= 0 and record.get(field) is not None:
            found.setdefault(record[field], []).append(hit)
    order = sorted(found, key=lambda value: (value if isinstance(value, int) else -len(found[value]), str(value)))
    return {value: (sum(found[value]) / len(found[value]), len(found[value])) for value in order}


def _bootstrap(benchmark: Sequence[Record], hits: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Solutions of one problem go together."""
    _, which = np.unique([str(record.get("problem", record["id"])) for record in benchmark], return_inverse=True)
    n = int(which.max()) + 1
    sums = [np.bincount(which, weights, n) for weights in (hits * wrong, wrong, hits * ~wrong, ~wrong)]
    draws = numpy_generator("processbench bootstrap").integers(n, size=(_DRAWS, n))
    hit_wrong, n_wrong, hit_right, n_right = (column[draws].sum(1) for column in sums)
    usable = (n_wrong > 0) & (n_right > 0)
    if not usable.any():
        return 0.0, 1.0
    a, b = hit_wrong[usable] / n_wrong[usable], hit_right[usable] / n_right[usable]
    found = np.divide(2 * a * b, a + b, out=np.zeros_like(a), where=a + b > 0)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def right_answers_among_wrong(benchmark: Iterable[Record]) -> float | None:
    """Share of wrong solutions whose final answer is right all the same."""
    found = [bool(record.get("final_answer_correct")) for record in benchmark if record["label"] >= 0]
    return sum(found) / len(found) if found else None
