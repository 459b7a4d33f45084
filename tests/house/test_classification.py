"""Measures of a detector, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from igsm.classification import area_under_roc, calibration, roc_curve, summarise
from igsm.seeds import numpy_generator
from igsm.statistics import wilson


def test_area_under_roc_is_the_share_of_ordered_pairs_with_ties_half() -> None:
    random = numpy_generator("roc")
    scores = random.integers(0, 6, 60) / 5.0
    positive = random.random(60) < 0.4
    pairs = [
        1.0 if high > low else 0.5 if high == low else 0.0 for high in scores[positive] for low in scores[~positive]
    ]
    assert area_under_roc(scores, positive) == pytest.approx(np.mean(pairs))


def test_area_under_roc_needs_both_classes() -> None:
    assert area_under_roc(np.array([0.1, 0.9]), np.array([True, True])) is None
    assert area_under_roc(np.array([0.1, 0.9]), np.array([False, False])) is None


def test_roc_curve_of_three_answers() -> None:
    false_positive, true_positive, threshold = roc_curve(np.array([0.9, 0.5, 0.1]), np.array([True, False, True]))
    assert false_positive.tolist() == [0, 0, 1, 1]
    assert true_positive.tolist() == [0, 0.5, 0.5, 1]
    assert threshold.tolist() == [np.inf, 0.9, 0.5, 0.1]


def test_calibration_counts_every_answer_once() -> None:
    rows = calibration(np.array([0.0, 0.04, 0.95, 1.0]), np.array([False, True, True, True]))
    assert [(row["n"], row["observed"]) for row in rows] == [(2, 0.5), (2, 1.0)]
    assert rows[1]["predicted"] == pytest.approx(0.975)


def test_summary_tells_the_two_kinds_of_error_apart() -> None:
    summary = summarise(np.array([0.9, 0.2, 0.6, 0.1]), np.array([True, True, False, False]), np.arange(4))
    assert (summary["n"], summary["correct"], summary["accuracy"]) == (4, 2, 0.5)
    assert (summary["accuracy_on_cannot"], summary["accuracy_on_can"]) == (0.5, 0.5)
    one_class = summarise(np.array([0.9]), np.array([True]), np.array([0]))
    assert one_class["accuracy_on_can"] is None


def test_an_interval_of_questions_counts_problems() -> None:
    """Guards against an interval of 2,000 independent trials where 20 problems were asked 100 questions each."""
    problems = np.repeat(np.arange(20), 100)
    cannot = np.ones(2000, bool)
    all_or_none = np.where(problems < 10, 0.9, 0.1)
    low, high = summarise(all_or_none, cannot, problems)["interval"]
    assert (low, high) == pytest.approx(wilson(9.5, 19))
    assert summarise(all_or_none, cannot, np.arange(2000))["interval"] == pytest.approx(wilson(1000, 2000), abs=1e-4)
