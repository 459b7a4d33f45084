"""How good yes/no answers are: accuracy, ROC, calibration. Of a detector, positive is "cannot be computed next"."""

from __future__ import annotations

from typing import Any

import numpy as np

from igsm.statistics import effective_trials, wilson

THRESHOLD = 0.5
"""Least probability of "cannot" that counts as such an answer."""


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False-positive rate, true-positive rate and threshold at every distinct score, from strict to lax.

    Args:
        scores: float [n], higher means more likely positive.
        positive: bool [n].
    """
    order = np.argsort(-scores, kind="stable")
    ordered, truth = scores[order], positive[order]
    last = np.r_[np.flatnonzero(np.diff(ordered)), len(ordered) - 1]
    hits, alarms = np.cumsum(truth)[last], np.cumsum(~truth)[last]
    rates = [np.r_[0.0, counts / max(1, counts[-1])] for counts in (alarms, hits)]
    return rates[0], rates[1], np.r_[np.inf, ordered[last]]


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Probability that a positive scores above a negative (ties count half); None without both."""
    if positive.all() or not positive.any():
        return None
    false_positive, true_positive, _ = roc_curve(scores, positive)
    return float(np.trapezoid(true_positive, false_positive))


def calibration(probabilities: np.ndarray, positive: np.ndarray) -> list[dict[str, float]]:
    """For each tenth of [0, 1] that has answers: their number, mean probability and share of positives."""
    which = np.minimum((10 * probabilities).astype(int), 9)
    rows = []
    for one in range(10):
        inside = which == one
        if inside.any():
            rows.append(
                {
                    "n": int(inside.sum()),
                    "predicted": float(probabilities[inside].mean()),
                    "observed": float(positive[inside].mean()),
                }
            )
    return rows


def summarise(probabilities: np.ndarray, positive: np.ndarray, problems: np.ndarray) -> dict[str, Any]:
    """All measures of a set of answers.

    Args:
        probabilities: of "cannot", float [n], n > 0.
        positive: whether it truly cannot, bool [n].
        problems: number of the problem that is asked about, int [n]; the interval covers other problems.
    """
    right = (probabilities >= THRESHOLD) == positive
    correct, n = int(right.sum()), len(right)
    _, which = np.unique(problems, return_inverse=True)
    effective = effective_trials(np.bincount(which, weights=right).astype(int).tolist(), np.bincount(which).tolist())
    rates = [float(right[part].mean()) if part.any() else None for part in (positive, ~positive)]
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "interval": wilson(effective * correct / n, effective),
        "share_cannot": float(positive.mean()),
        "accuracy_on_cannot": rates[0],
        "accuracy_on_can": rates[1],
        "area_under_roc": area_under_roc(probabilities, positive),
        "calibration": calibration(probabilities, positive),
    }
