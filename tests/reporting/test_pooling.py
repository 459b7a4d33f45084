"""Several training seeds in one cell: a test problem is counted once."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.grading.metrics import METRICS
from igsm.reporting.pooling import paired_test
from igsm.reporting.results import Source, read_results
from igsm.reporting.table import Table, build_table, stars
from igsm.reporting.text import csv_text, evidence, notes
from igsm.significance import mcnemar, permutation_test
from igsm.statistics import t_interval, wilson

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
        assert triple.seed_interval is None
    text = evidence(_table(three), _table(three).cell("retry", CELL))
    assert text.startswith("3 seeds: no spread, problems: ")
    assert text.endswith(", n 400")


def test_one_seed_is_wilson_and_has_no_star(two_rows: dict[str, Path]) -> None:
    """Guards against a star for a way of training that one run cannot give, however many problems it has solved."""
    table = _table([Source(row, run, 1) for row, run in two_rows.items()])
    cell = table.cell("retry", CELL)
    assert cell.interval == wilson(cell.results[0].correct, 400)
    assert (cell.comparison, cell.seed_interval, cell.n_seeds) == (None, None, 1)
    assert table.caption.endswith(", 1 training seed")


def test_decoders_of_one_model_are_tested_over_problems(make_run) -> None:
    """Guards against a test over seeds of what differs in the decoder alone, and against another model's answers in it:
    the row of beams has seed 1 only."""
    runs = [make_run(f"{seed}", {CELL: 0.5}, seed=seed, decoders=("greedy", "beam4")[: 3 - seed]) for seed in (1, 2)]
    table = _table(
        [
            *(Source("original", run, seed, ("greedy",)) for seed, run in enumerate(runs, start=1)),
            Source("beam", runs[0], 1, ("beam4",)),
        ]
    )
    greedy, _ = table.cell("original", CELL).results
    (beam,) = table.cell("beam", CELL).results
    right = [
        {verdict["index"] for verdict in result.evaluation.verdicts() if verdict["correct"]}
        for result in (greedy, beam)
    ]
    comparison = table.cell("beam", CELL).comparison
    assert comparison is not None
    assert comparison.over == "problems"
    assert comparison.p_value == mcnemar(len(right[0] - right[1]), len(right[1] - right[0]))
    assert "McNemar test over the problems" in " ".join(notes(table))
    assert table.caption.endswith("1 to 2 training seeds")


def test_ways_of_training_are_tested_over_seeds(make_run) -> None:
    """Guards against stars from thousands of problems where the seeds of both rows overlap, and an uncorrected p."""
    accuracies = {"original": (0.3, 0.5, 0.7, 0.4), "retry": (0.45, 0.55, 0.75, 0.6), "weak": (0.8, 0.81, 0.82, 0.83)}
    cells = (CELL, "op=4")
    sources = [
        Source(row, make_run(f"{row}{seed}", dict.fromkeys(cells, accuracy), seed=seed), seed)
        for row, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    table = _table(sources)
    by_seed = {row: table.cell(row, CELL).by_seed for row in accuracies}
    for row in ("retry", "weak"):
        cell = table.cell(row, CELL)
        assert cell.comparison is not None
        assert (cell.comparison.over, cell.comparison.sides) == ("seeds", (4, 4))
        assert cell.comparison.p_value == permutation_test(by_seed["original"], by_seed[row])
        assert cell.seed_interval == pytest.approx(t_interval(by_seed[row]))
        assert cell.value == pytest.approx(sum(by_seed[row]) / 4)
    weak = [table.cell("weak", column).comparison for column in cells]
    assert [one.p_value for one in weak] == [pytest.approx(2 / 70)] * 2
    assert [one.adjusted for one in weak] == [pytest.approx(4 * 2 / 70)] * 2
    assert stars(weak[0]) == ""
    assert stars(replace(weak[0], adjusted=0.04)) == "*"
    text = " ".join(notes(table))
    assert "exact permutation test over training seeds" in text
    assert "over the 4 tests of this table" in text
    assert "With 4 against 4 training seeds no p-value can be below 0.029, 0.11 after the correction" in text
    line = next(line for line in csv.DictReader(io.StringIO(csv_text([table]))) if line["row"] == "weak")
    assert (line["tested_over"], line["p_value"], line["p_holm"]) == ("seeds", "0.0285714", "0.114286")
    assert len(line["values_by_seed"].split()) == 4
    assert line["values_by_seed"].split()[0] == f"0:{by_seed['weak'][0]:.6g}"
    best = _table(sources, combine="best")
    assert best.comparisons == []
    assert best.caption.endswith("4 training seeds")
    assert "not tested" in " ".join(notes(best))


def test_tests_that_cannot_succeed_cost_the_others_nothing(make_run) -> None:
    """Guards: a row of two seeds, whose test cannot come below 0.067, that takes the star of one that can."""
    accuracies = {"original": (0.2, 0.21, 0.22, 0.23), "retry": (0.7, 0.71, 0.72, 0.73), "few": (0.6, 0.61)}
    sources = [
        Source(row, make_run(f"{row}{seed}", {CELL: accuracy}, seed=seed), seed)
        for row, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    table = _table(sources)
    retry, few = (table.cell(row, CELL).comparison for row in ("retry", "few"))
    assert retry is not None
    assert few is not None
    assert (retry.adjusted, stars(retry)) == (retry.p_value, "*")
    assert (few.p_value, few.adjusted, stars(few)) == (pytest.approx(1 / 15), None, "")
    text = " ".join(notes(table))
    assert "over the 1 tests of this table" in text
    assert "With 4 against 4" not in text
    assert "With 4 against 2 training seeds no p-value can be below 0.067, 0.067 after the correction" in text


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
    """Guards against a mean that hides how far its seeds lie apart."""
    sources = [Source("a", make_run(f"{seed}", {CELL: right}, seed=seed), seed) for seed, right in ((1, 0.3), (2, 0.7))]
    table = _table(sources)
    assert evidence(table, table.cell("a", CELL)).startswith("2 seeds: 0.0 to 100.0, problems: ")
    retries = _table(sources, "taken_back")
    assert evidence(retries, retries.cell("a", CELL)).startswith("2 seeds: ")
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
    originals = _copies(two_rows["original"], 2)
    base, other = (
        read_results([Source("row", run, seed) for seed, run in enumerate(runs, start=1)])
        for runs in (originals, copies)
    )
    right = [{v["index"] for v in [*one.evaluation.verdicts()][:50] if v["correct"]} for one in (base[0], other[0])]
    assert paired_test(base, other) == mcnemar(len(right[0] - right[1]), len(right[1] - right[0]))


def test_different_numbers_of_seeds_are_not_paired(make_run) -> None:
    """Guards against the sign-flip test of a mean of three seeds against one, which had 6 to 8 % false alarms on a side
    near the ceiling: the difference of two laws that are not alike is no fair coin."""
    runs = [make_run(f"seed{seed}", {CELL: 0.95}, seed=seed) for seed in range(4)]
    results = read_results([Source("a", run) for run in runs])
    assert paired_test(results[:1], results[1:]) is None
    assert paired_test(results[:2], results[2:]) is not None


def test_counts_are_the_mean_of_the_seeds(make_run) -> None:
    """Guards against a mean that the seed with most correct solutions decides, and a seed without any taken for 0."""
    runs = [
        make_run(f"{seed}", {CELL: right}, kind="retry", rate=rate, seed=seed)
        for seed, right, rate in ((1, 0.2, 0.9), (2, 0.9, 0.1), (3, -1.0, 0.5))
    ]
    sources = [Source("a", run, seed) for seed, run in enumerate(runs)]
    first, second, _ = (_table([source], "taken_back").cell("a", CELL).value for source in sources)
    assert _table(sources[:2], "taken_back").cell("a", CELL).value == pytest.approx((first + second) / 2)
    assert _table(sources, "taken_back").cell("a", CELL).value == pytest.approx((first + second) / 2)


def test_notes_say_what_the_intervals_cover(two_rows: dict[str, Path]) -> None:
    """Guards against "training seeds are pooled" under a table of one seed."""
    one = [Source(row, run, 1) for row, run in two_rows.items()]
    three = [Source(row, copy, k) for row, run in two_rows.items() for k, copy in enumerate(_copies(run, 3))]
    assert "One training seed each: nothing is said of training" in " ".join(notes(_table(one)))
    assert "Stars" not in " ".join(notes(_table(one)))
    text = " ".join(notes(_table(three)))
    assert "t interval over training seeds" in text
    assert "best of its seeds" in " ".join(notes(_table(three, combine="best")))


def test_numbers_without_verdicts_are_not_invented(two_rows: dict[str, Path]) -> None:
    """Guards against a mean of two seeds under "3 seeds", where the file that numbers are computed from is gone."""
    copies = _copies(two_rows["retry"], 3)
    sources = [Source("retry", copy, k) for k, copy in enumerate(copies)]
    assert _table(sources, "taken_back").cell("retry", CELL).value is not None
    next((copies[2] / "eval").glob("*/verdicts.jsonl")).unlink()
    with pytest.raises(InputError, match=r"verdicts\.jsonl: no such file"):
        _table(sources, "taken_back")
