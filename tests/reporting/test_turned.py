"""What a second model changes, by kind of first error, counted on solutions made by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.grading.evaluations import read_evaluation
from igsm.reporting.turned import Names, Turned, changes, compare, pooled_changes

A, B, C = "Define Zoo's Ant as a; so a = 2.", "Define Zoo's Bee as b; so b = 3.", "Define Zoo's Cat as c; so c = 4."
B_WRONG = "Define Zoo's Bee as b; so b = 1."


def written(run: Path, decoder: str, solutions: list[tuple[str, str | None, int]]) -> Path:
    """An evaluation of solutions: (text, kind of the first error, number of its step)."""
    folder = run / "eval" / f"trio_pq:op=2-{decoder}"
    folder.mkdir(parents=True)
    records, verdicts = [], []
    for index, (text, kind, step) in enumerate(solutions):
        sentence = text.split(".")[step - 1].strip() if kind else ""
        error = None if kind is None else {"kind": kind, "step": step, "sentence": sentence, "start": 0, "end": 1}
        numbers = {"op": 2, "rollbacks": 0, "generated_tokens": 9, "finished": True, "true_answer": 1}
        numbers |= dict.fromkeys(("taken_back", "needlessly_taken_back"), 0)
        numbers |= dict.fromkeys(("unnecessary_parameters", "unnecessary_operations"), 0)
        verdicts.append({"index": index, **numbers, "correct": kind is None, "error": error})
        records.append({"index": index, "solution": text})
    packed = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "generations.jsonl.gz").write_bytes(gzip.compress(packed.encode()))
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    summary = {"cell": "trio_pq:op=2", "decoder": decoder, "n": len(solutions), "seed": 1, "checkpoint": "step_1"}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_changes_are_counted_by_kind_of_first_error(tmp_path: Path) -> None:
    """Guards: changes that come before the error counted as its correction, and names that part in the next word."""
    early, arithmetic = "not computable yet", "wrong arithmetic"
    first = [
        (f"{A} {C} {B}", early, 2),  # another name at the mistake, and right
        (f"{A} {C} {B}", early, 2),  # the same
        (f"{A} {C} {B}", early, 2),  # parts before it
        (f"{A} {B_WRONG}", arithmetic, 2),  # put right
        (f"{A} {B}", None, 0),  # put wrong, by another name
        (f"{A} {B}", None, 0),
    ]
    second = [
        (f"{A} {B} {C}", None, 0),
        (f"{A} {C} {B}", early, 2),
        (f"{B} {A} {C}", None, 0),
        (f"{A} {B}", None, 0),
        (f"{A} {C}", early, 2),
        (f"{A} {B}", None, 0),
    ]
    folders = [written(tmp_path, *pair) for pair in (("greedy", first), ("greedy+copilot:1", second))]
    found = compare(*map(read_evaluation, folders))
    assert list(found.kinds) == [early, arithmetic, "none"]
    assert found.kinds[early] == Turned(problems=3, right=2, reached=2, changed=1, past=1)
    assert found.kinds[arithmetic] == Turned(problems=1, right=1, reached=1, changed=1, past=1)
    assert found.kinds["none"] == Turned(problems=2, right=1)
    # sound: Ant six times, Bee of the last two; renamed: Ant of the third, Bee of the fifth
    assert found.names == Names(mistaken=2, warned=1, sound=8, renamed=2)
    assert changes(tmp_path) == [found]


def test_a_run_without_both_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "greedy", [(A, None, 0)])
    with pytest.raises(InputError, match=r"no cell has been evaluated both .* mistakes eval"):
        changes(tmp_path)


def test_counts_of_runs_are_added_up(tmp_path: Path) -> None:
    """Guards a kind that one run lacks, and the order of kinds, which is that of the sums."""
    early, arithmetic = "not computable yet", "wrong arithmetic"
    one, other = tmp_path / "one", tmp_path / "other"
    for run, solutions in (
        (one, [(f"{A} {C} {B}", early, 2), (f"{A} {B}", None, 0)]),
        (other, [(f"{A} {B_WRONG}", arithmetic, 2), (f"{A} {B_WRONG}", arithmetic, 2), (f"{A} {C}", early, 2)]),
    ):
        written(run, "greedy", solutions)
        written(run, "greedy+copilot:1", [(f"{A} {B}", None, 0)] * len(solutions))
    (found,) = pooled_changes([one, other])
    assert found.evaluations == 2
    assert list(found.kinds) == [early, arithmetic, "none"]
    assert [count.problems for count in found.kinds.values()] == [2, 2, 1]
    assert [count.right for count in found.kinds.values()] == [2, 2, 1]
    assert (found.names.mistaken, found.names.warned) == (2, 2)


def test_counts_of_test_seeds_are_added_up_on_the_problems_of_both(tmp_path: Path) -> None:
    """Guards: all but one test seed left out; a longer evaluation beside a shorter one called none at all."""
    early = "not computable yet"
    for seed in (0, 1):
        for decoder, solutions in (
            ("greedy", [(f"{A} {C} {B}", early, 2)] * (2 + seed)),
            ("greedy+copilot:1", [(f"{A} {B}", None, 0)] * 2),
        ):
            folder = written(tmp_path, decoder, solutions)
            summary = json.loads((folder / "summary.json").read_text())
            (folder / "summary.json").write_text(json.dumps(summary | {"seed": seed}))
            folder.rename(f"{folder}-seed{seed}")
    (found,) = pooled_changes([tmp_path])
    assert (found.evaluations, found.kinds[early].problems) == (2, 4)
