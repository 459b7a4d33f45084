"""What was said of stored solutions before is said of them today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from igsm.evaluation.generate import verdict_of
from igsm.grading.metrics import RENAMED, Numbers, current_names
from igsm.grading.reader import read_problem
from igsm.problems.lexicon import load_lexicon

STORED = Path(__file__).parent / "data" / "stored_verdicts.jsonl"


@pytest.fixture(scope="module")
def stored():
    """Records of solutions, right, wrong and with steps taken back, each with the verdict of an earlier version."""
    return [json.loads(line) for line in STORED.read_text().splitlines()]


def test_verdicts_of_stored_solutions_stay(stored):
    """Guards old results: a change of the grader, or of what a verdict holds, makes them no longer comparable."""
    for one in stored:
        record = one["record"]
        verdict = verdict_of(record, read_problem(record["problem"], load_lexicon("nano"), record["modulus"]))
        assert json.loads(json.dumps(verdict)) == one["verdict"] | {"finished": record["finished"]}


def test_verdicts_under_old_names_come_to_the_same(stored):
    """Guards finished evaluations of earlier versions, whose keys had other names."""
    old_names = {new: old for old, new in RENAMED.items()}
    verdicts = [one["verdict"] for one in stored]
    old = [{old_names.get(key, key): value for key, value in verdict.items()} for verdict in verdicts]
    assert {"retries", "withdrawn", "needless_retries"} <= old[0].keys()
    assert [current_names(verdict) for verdict in old] == verdicts
    numbers = Numbers(verdicts)
    assert (numbers.n, numbers.correct, numbers.first_errors["answer differs"]) == (45, 17, 11)
    assert numbers.mean("at_limit") is None, "which those verdicts do not say"
