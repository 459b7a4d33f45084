"""`mistakes bench generate --methods`: every method in the same rounds, each beside retry."""

from __future__ import annotations

import pytest

from benchmarks.generate_methods import SLICE, measure, rows
from igsm.methods.registry import METHODS


def test_methods_are_measured_in_turns() -> None:
    rates = measure(2 * SLICE, "nano", ["retry", "fix"])
    assert [len(own) for own in rates.values()] == [2, 2]
    assert min(rate for own in rates.values() for rate in own) > 0
    retry, fix = rows(rates)
    assert (retry["method"], retry["ratio"], retry["lowest"], retry["highest"]) == ("retry", 1.0, 1.0, 1.0)
    assert fix["lowest"] <= fix["ratio"] <= fix["highest"]
    assert fix["ratio"] == pytest.approx(sum(f / r for f, r in zip(rates["fix"], rates["retry"], strict=True)) / 2)
    assert "retry" in METHODS  # the row that all are beside
