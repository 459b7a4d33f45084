"""`mistakes report A B`: guards against differences of unlike things, and intervals that claim too much."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from igsm.reporting.differences import differences, markdown, notes
from igsm.reporting.report import ReportRequest, build_report, write_report
from igsm.reporting.results import read_results, sources_of_runs
from igsm.statistics import paired_interval, t_interval, welch_interval

CELL = "med_pq:op=3"
Make = Callable[..., Path]


def right(run: Path, decoder: str = "greedy") -> list[bool]:
    lines = (run / "eval" / f"{CELL}-{decoder}" / "verdicts.jsonl").read_text().splitlines()
    return [json.loads(line)["correct"] for line in lines]


def found(*runs: Path, baseline: str | None = None):  # type: ignore[no-untyped-def]
    return differences(read_results(sources_of_runs(runs)), baseline)


def test_two_runs_on_the_same_problems(make_run: Make) -> None:
    first, second = make_run("a", {CELL: 0.5}), make_run("b", {CELL: 0.6}, kind="retry", rate=0.5)
    (one,) = found(first, second)
    pairs = [int(y) - int(x) for x, y in zip(right(first), right(second), strict=True)]
    assert (one.base, one.row, one.cell, one.n, one.seeds) == ("original", "retry 0.5", CELL, 400, (1, 1))
    assert one.difference == pytest.approx(fmean(pairs))
    assert one.over_problems == paired_interval(pairs)
    assert one.over_seeds is None
    assert any(note.startswith("No interval over seeds") for note in notes([one]))


def test_runs_of_one_arm_are_its_training_seeds(make_run: Make) -> None:
    """Guards: three seeds taken for three times as many problems; the one interval under the other's name."""
    arms = {
        row: [make_run(f"{row}{seed}", {CELL: base + 0.04 * seed}, seed=seed, **how) for seed in (1, 2, 3)]
        for row, base, how in (("a", 0.3, {}), ("b", 0.4, {"kind": "retry", "rate": 0.2}))
    }
    (one,) = found(*arms["b"], *arms["a"])
    means = {row: [fmean(right(run)) for run in runs] for row, runs in arms.items()}
    assert (one.base, one.row, one.n, one.seeds) == ("original", "retry 0.2", 400, (3, 3))
    assert one.difference == pytest.approx(fmean(means["b"]) - fmean(means["a"]))
    assert one.over_seeds == pytest.approx(welch_interval(means["a"], means["b"]))
    both = [[sum(column) / 3 for column in zip(*(right(run) for run in arms[row]), strict=True)] for row in "ab"]
    assert one.over_problems == pytest.approx(paired_interval([y - x for x, y in zip(*both, strict=True)]))


def test_decoders_are_compared_at_the_same_models(make_run: Make) -> None:
    """Guards: one seed's beams less the mean of all seeds' greedy solutions, a difference of seeds, not of decoders."""
    good = make_run("a1", {CELL: 0.7}, seed=1, decoders=("greedy", "beam4"))
    bad = make_run("a2", {CELL: 0.2}, seed=2)
    (one,) = found(good, bad)
    assert (one.base, one.row, one.seeds) == ("original, greedy", "original, beam4", (1, 1))
    assert one.values == (fmean(right(good)), fmean(right(good, "beam4")))


def test_decoders_of_several_seeds_are_paired(make_run: Make) -> None:
    runs = [make_run(f"a{k}", {CELL: 0.2 + 0.1 * k}, seed=k, decoders=("greedy", "beam4")) for k in (1, 2, 3)]
    (one,) = found(*runs)
    pairs = [fmean(right(run, "beam4")) - fmean(right(run)) for run in runs]
    assert one.over_seeds == pytest.approx(t_interval(pairs))


def test_runs_that_differ_in_their_seeds_only_are_compared_one_by_one(make_run: Make) -> None:
    first, second = make_run("x/run", {CELL: 0.5}, seed=1), make_run("y/run", {CELL: 0.6}, seed=2)
    (one,) = found(first, second)
    assert (one.base, one.row) == ("x/run", "y/run")


def test_other_problems_are_said_to_be_others(make_run: Make) -> None:
    first, second = make_run("a", {CELL: 0.5}), make_run("b", {CELL: 0.6}, kind="retry", rate=0.5)
    summary = next((second / "eval").glob("*/summary.json"))
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"test_set": "other"}))
    other = next((first / "eval").glob("*/summary.json"))
    other.write_text(json.dumps(json.loads(other.read_text()) | {"test_set": "this"}))
    (one,) = found(first, second)
    assert (one.n, one.over_problems) == (None, None)
    assert one.difference == pytest.approx(one.values[1] - one.values[0])
    assert any("different test problems" in note for note in notes([one]))


def test_the_baseline_can_be_chosen(make_run: Make) -> None:
    runs = [make_run("a", {CELL: 0.5}), make_run("b", {CELL: 0.6}, kind="retry", rate=0.5)]
    assert [(one.base, one.row) for one in found(*runs, baseline="retry 0.5")] == [("retry 0.5", "original")]


def test_they_stand_in_the_report(make_run: Make, tmp_path: Path) -> None:
    runs = [make_run("a", {CELL: 0.5}), make_run("b", {CELL: 0.6}, kind="retry", rate=0.5)]
    report = build_report(ReportRequest("Two", sources_of_runs(runs)))
    write_report(report, tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "## retry 0.5 less original\n" in text
    assert markdown(report.differences) in text


def test_json_holds_the_numbers_as_they_are(make_run: Make, mistakes: Callable[..., tuple[int, str, str]]) -> None:
    runs = [make_run("a", {CELL: 0.5}), make_run("b", {CELL: 0.6}, kind="retry", rate=0.5)]
    code, out, _ = mistakes("report", *runs, "--json")
    content = json.loads(out)
    assert code == 0
    (one,) = found(*runs)
    assert content["differences"] == [json.loads(json.dumps(one.content()))]
    cells = {(cell["row"], cell["column"]): cell for cell in content["tables"][0]["cells"]}
    assert cells["retry 0.5", CELL]["value"] == fmean(right(runs[1]))


@pytest.mark.parametrize(("both", "only_first", "only_second", "neither"), [(794, 150, 86, 570), (0, 0, 0, 5)])
def test_the_paired_interval_is_agresti_and_mins(both: int, only_first: int, only_second: int, neither: int) -> None:
    """Half a problem more in each of the four outcomes, then the plain interval of a difference of matched shares."""
    n = both + only_first + only_second + neither + 2
    b, c = (only_first + 0.5) / n, (only_second + 0.5) / n
    half = 1.959964 * math.sqrt((b + c - (b - c) ** 2) / n)
    differences = [0.0] * (both + neither) + [-1.0] * only_first + [1.0] * only_second
    assert paired_interval(differences) == pytest.approx((c - b - half, c - b + half), abs=1e-6)


@pytest.mark.parametrize(("n", "chance", "shift"), [(50, 0.9, 0.05), (200, 0.5, 0.1), (1000, 0.97, 0.01)])
def test_the_paired_interval_covers_the_truth(n: int, chance: float, shift: float) -> None:
    """Of 2,000 tests in which both sides have three seeds and the second is better by `shift`."""
    draw = random.Random(f"{n} {chance}")
    covered = 0
    for _ in range(2000 if n < 500 else 500):
        pairs = []
        for _ in range(n):
            hard = draw.random() < 0.5  # hard problems are so for both sides
            base = chance - 0.02 if hard else chance + 0.02
            sides = [sum(draw.random() < share for _ in range(3)) / 3 for share in (base - shift, base)]
            pairs.append(sides[1] - sides[0])
        interval = paired_interval(pairs)
        assert interval is not None
        covered += interval[0] <= shift <= interval[1]
    assert covered / (2000 if n < 500 else 500) > 0.93


def test_welchs_interval_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    first, second = [0.41, 0.48, 0.52, 0.39, 0.44], [0.61, 0.55, 0.7]
    wanted = stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    ours = welch_interval(first, second)
    assert ours is not None
    assert ours[0] <= wanted.low  # degrees of freedom are rounded down, so it is never narrower
    assert ours[1] >= wanted.high
    assert ours == pytest.approx((wanted.low, wanted.high), abs=0.01)
