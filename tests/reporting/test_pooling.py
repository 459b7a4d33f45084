"""Several training seeds in one cell: a test problem is counted once."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.grading.metrics import METRICS
from igsm.reporting.pooling import paired_test
from igsm.reporting.results import Source, read_results
from igsm.reporting.table import Table, build_table
from igsm.reporting.text import csv_text, evidence, notes
from igsm.statistics import mcnemar, wilson

CELL = "op=3"


@pytest.fixture
def two_rows(make_run) -> dict[str, Path]:
    return {row: make_run(row, {CELL: accuracy}) for row, accuracy in (("original", 0.5), ("retry", 0.53))}


def _copies(run: Path, number: int) -> list[Path]:
    copies = [run.with_name(f"{run.name}-{k}") for k in range(number)]
    for copy in copies:
        shutil.copytree(run, copy)
    return copies


def _change(run: Path, changes: dict[str, object]) -> None:
    path = next((run / "eval").glob("*/summary.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _table(sources: list[Source], measure: str = "accuracy", **settings: object) -> Table:
    return build_table(read_results(sources), METRICS[measure], baseline="original", **settings)


def test_copies_of_one_seed_are_no_new_evidence(two_rows: dict[str, Path]) -> None:
    """Guards against n, intervals and stars that grow with the number of seeds although they agree on every problem."""
    one = [Source(row, run, 1) for row, run in two_rows.items()]
    three = [Source(row, copy, k) for row, run in two_rows.items() for k, copy in enumerate(_copies(run, 3))]
    for measure in ("accuracy", "taken_back"):
        single, triple = (_table(sources, measure).cell("retry", CELL) for sources in (one, three))
        assert triple.n == single.n
        assert triple.value == pytest.approx(single.value)
        assert triple.interval == pytest.approx(single.interval)
        assert triple.p_value == single.p_value
    assert evidence(_table(three), _table(three).cell("retry", CELL)).endswith("n 400, 3 seeds: 56.2 to 56.2")


def test_one_seed_is_wilson_and_mcnemar(two_rows: dict[str, Path]) -> None:
    """Guards against other numbers than before where there is one seed."""
    base, other = read_results([Source(row, run, 1) for row, run in two_rows.items()])
    cell = _table([Source(row, run, 1) for row, run in two_rows.items()]).cell("retry", CELL)
    right = [
        {verdict["index"] for verdict in result.evaluation.verdicts() if verdict["correct"]} for result in (base, other)
    ]
    assert cell.interval == wilson(other.correct, 400)
    assert cell.p_value == mcnemar(len(right[0] - right[1]), len(right[1] - right[0]))


def test_seeds_that_differ_narrow_the_interval_but_not_as_new_problems_would(make_run) -> None:
    """Guards against three seeds taken for three times as many problems."""
    sources = [Source("a", make_run(f"seed{seed}", {CELL: 0.5}, seed=seed), seed) for seed in (1, 2, 3)]
    cell = _table(sources).cell("a", CELL)
    assert cell.value is not None
    assert cell.interval is not None
    alone, as_problems = (wilson(cell.value * n, n) for n in (400, 1200))
    assert alone[0] < cell.interval[0] < as_problems[0]
    assert as_problems[1] < cell.interval[1] < alone[1]


def test_seeds_that_differ_show(make_run) -> None:
    """Guards against a mean that hides how far its seeds lie apart, and against a range under means of other kinds."""
    sources = [Source("a", make_run(f"{seed}", {CELL: right}, seed=seed), seed) for seed, right in ((1, 0.3), (2, 0.7))]
    table = _table(sources)
    low, high = sorted(100 * result.correct / 400 for result in table.cell("a", CELL).results)
    assert evidence(table, table.cell("a", CELL)).endswith(f"2 seeds: {low:.1f} to {high:.1f}")
    retries = _table(sources, "taken_back")
    assert evidence(retries, retries.cell("a", CELL)).endswith("2 seeds")
    line = next(csv.DictReader(io.StringIO(csv_text([table]))))
    assert line["correct_by_seed"] == " ".join(f"{r.seed}:{r.correct}/400" for r in table.cell("a", CELL).results)


def test_other_test_sets_are_not_paired(two_rows: dict[str, Path]) -> None:
    """Guards against stars between answers to different problems, and against their union taken for one test set."""
    base, other = (Source(row, run, 1) for row, run in two_rows.items())
    for run, digest in zip(two_rows.values(), ("0a", "0b"), strict=True):
        _change(run, {"test_set": digest})
    assert paired_test(read_results([base]), read_results([other])) is None
    mixed = _table([Source("both", source.run, k) for k, source in enumerate((base, other))]).cell("both", CELL)
    shares = [result.correct / result.n for result in mixed.results]
    assert (mixed.value, mixed.n) == (pytest.approx(sum(shares) / 2), 400)
    assert mixed.interval == pytest.approx(wilson(sum(shares) * 200, 400))
    _change(two_rows["retry"], {"test_set": "0a"})
    assert paired_test(read_results([base]), read_results([other])) is not None


def test_only_problems_that_all_seeds_have_are_compared(two_rows: dict[str, Path]) -> None:
    """Guards against a problem that one seed lacks counted as wrong there."""
    copies = _copies(two_rows["retry"], 2)
    path = next((copies[1] / "eval").glob("*/summary.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"n": 50}))
    base = read_results([Source("original", two_rows["original"])])
    other = read_results([Source("retry", run, seed) for seed, run in enumerate(copies, start=1)])
    right = [{v["index"] for v in [*one.evaluation.verdicts()][:50] if v["correct"]} for one in (base[0], other[0])]
    assert paired_test(base, other) == mcnemar(len(right[0] - right[1]), len(right[1] - right[0]))


def test_notes_say_what_the_stars_cover(two_rows: dict[str, Path]) -> None:
    """Guards against "training seeds are pooled" under a table of one seed."""
    one = [Source(row, run, 1) for row, run in two_rows.items()]
    three = [Source(row, copy, k) for row, run in two_rows.items() for k, copy in enumerate(_copies(run, 3))]
    assert "One training seed each: the stars do not cover training" in " ".join(notes(_table(one)))
    assert "McNemar" in " ".join(notes(_table(one)))
    text = " ".join(notes(_table(three)))
    assert "not the training seeds" in text
    assert "sign-flip" in text
    assert "best of its seeds" in " ".join(notes(_table(three, combine="best")))


def test_numbers_without_verdicts_are_not_invented(two_rows: dict[str, Path]) -> None:
    """Guards against a mean of two seeds under "3 seeds", where the file that numbers are computed from is gone."""
    copies = _copies(two_rows["retry"], 3)
    sources = [Source("retry", copy, k) for k, copy in enumerate(copies)]
    assert _table(sources, "taken_back").cell("retry", CELL).value is not None
    next((copies[2] / "eval").glob("*/verdicts.jsonl")).unlink()
    with pytest.raises(InputError, match=r"verdicts\.jsonl: no such file"):
        _table(sources, "taken_back")
