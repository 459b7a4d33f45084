"""Our problems beside the authors' measured ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.fidelity import SETS, compare, compare_set, sample
from benchmarks.mistake_statistics import mistake_statistics, their_mistakes, variants
from igsm.problems.difficulty import ProblemConfig


def flagged(name: str, reference: Path, n: int) -> list[str]:
    theirs = json.loads((reference / "distribution.json").read_text())[name]
    rows = compare_set(name, theirs, str(reference / "lexicon_official.json"), n)
    assert len(rows) > 70
    return [str(row) for row in rows if row.flagged]


@pytest.mark.parametrize("name", ["med_train", "med_op20_test"])
def test_a_sample_looks_like_the_authors(name: str, reference: Path) -> None:
    """Bug guarded: any departure from the law that shows in 3,000 problems."""
    assert flagged(name, reference, 3000) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_set_looks_like_the_authors(name: str, reference: Path) -> None:
    """Bug guarded: any departure from the law that shows at the size of the reference."""
    assert flagged(name, reference, 20_000) == []


@pytest.mark.slow
def test_mistakes_look_like_the_authors(reference: Path) -> None:
    """Bug guarded: a pool of wrong parameters other than the authors'."""
    theirs = json.loads((reference / "retry_med.json").read_text())
    source, records = sample(ProblemConfig(lexicon=str(reference / "lexicon_official.json")), 3000, 0)
    for name, config in variants(theirs):
        ours = mistake_statistics(source, records, config, 0)
        rows = compare(ours, their_mistakes(theirs["variants"][name]))
        assert [str(row) for row in rows if row.flagged] == []


def test_a_wrong_law_is_flagged(reference: Path) -> None:
    """Bug guarded: a comparison that would let anything pass."""
    theirs = json.loads((reference / "distribution.json").read_text())["med_train"]
    theirs["op_hist"] = {op: count * (2 if int(op) > 8 else 1) for op, count in theirs["op_hist"].items()}
    theirs["items_total"]["mean"] += 0.4
    rows = compare_set("med_train", theirs, str(reference / "lexicon_official.json"), 3000)
    assert {"op_hist", "items_total"} <= {row.name for row in rows if row.flagged}
