"""Where evaluations lie: beside each other under other settings, and going on where fewer problems ended."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

import igsm.decoding.run
from igsm.corpus.config import DataConfig
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError
from igsm.evaluation import evaluate as evaluation
from igsm.evaluation.cells import Cell
from igsm.evaluation.runs import default_context, load_run
from igsm.evaluation.testsets import load_test_set
from igsm.grading.metrics import METRICS
from igsm.problems.difficulty import ProblemConfig
from igsm.reporting.evaluation_table import cut_off, named, to_csv, to_markdown
from igsm.reporting.report import ReportRequest, build_report
from igsm.reporting.results import Source, read_results

CELL = Cell("nano", "pq", 3, False)
FILES = ("generations.jsonl.gz", "verdicts.jsonl")
NUMBERS = {
    "correct": 0, "accuracy": 0.0, "interval": [0.0, 0.5], "retries": {"mean_on_correct": None, "mean_on_wrong": 0.0},
    "withdrawn": {"mean_on_correct": None, "mean_on_wrong": 0.0}, "unnecessary_parameters": None,
    "unnecessary_operations": None, "generated_tokens": 60.0, "first_errors": {"malformed": 3}, "always_zero": 0.0,
}  # fmt: skip
"""What earlier versions wrote into a summary beside the settings."""


@pytest.fixture
def evaluate(monkeypatch):
    """Evaluates; `evaluate.asked` are the problems that were generated since it was last emptied."""
    original, asked = evaluation.generations, []

    def spy(decoding, tests, stream, tick, **more):
        asked.extend(test.index for test in tests)
        return original(decoding, tests, stream, tick, **more)

    monkeypatch.setattr(evaluation, "generations", spy)

    def run_it(run, n, seed=0, decoder="sample", **options):
        asked.clear()
        with run.decoding(parse_decoder(decoder), **options) as decoding:
            return evaluation.evaluate(run, CELL, decoding, n, seed)

    run_it.asked = asked
    return run_it


def contents(found):
    """The bytes of an evaluation's files."""
    return [(found.folder / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("decoder", ["sample", "beam2", "regret-noisy:0.3:0.3", "vote3"])
def test_more_problems_go_on_where_fewer_ended(run, evaluate, tmp_path, decoder):
    """Guards hours already spent, and results that would depend on where an evaluation was resumed."""
    small = evaluate(run, 3, decoder=decoder)
    lines = (small.folder / "verdicts.jsonl").read_text().splitlines()
    large = evaluate(run, 8, decoder=decoder)
    assert evaluate.asked == [3, 4, 5, 6, 7]
    assert (large.folder, large.n, large.settings["resumed_from"]) == (small.folder, 8, 3)
    assert (large.folder / "verdicts.jsonl").read_text().splitlines()[:3] == lines
    shutil.copytree(run.path, tmp_path / "other" / "run", ignore=shutil.ignore_patterns("eval"))
    at_once = evaluate(load_run(tmp_path / "other" / "run"), 8, decoder=decoder)
    assert contents(large) == contents(at_once)
    fewer = evaluate(run, 2, decoder=decoder)
    assert (evaluate.asked, fewer.n, fewer.numbers.n) == ([], 2, 2)
    assert read_results([Source("row", run.path, n=5)])[0].n == 5


def test_what_a_larger_evaluation_had_begun_is_kept(run, evaluate, monkeypatch):
    """Guards records of a stopped evaluation against one of fewer problems that is finished in between."""
    whole = contents(evaluate(run, 6))
    shutil.rmtree(run.folder.evaluations)
    spied = evaluation.generations

    def stops(decoding, tests, stream, tick, **more):
        yield from sorted(spied(decoding, tests, stream, tick, **more), key=lambda record: -record["index"])[:3]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "generations", stops)
        with pytest.raises(KeyboardInterrupt):
            evaluate(run, 6)  # problems 5, 4 and 3
    assert evaluate(run, 4).settings["resumed_from"] == 1
    assert evaluate.asked == [0, 1, 2]
    assert contents(evaluate(run, 6)) == whole
    assert evaluate.asked == []
    assert sorted(path.name for path in run.folder.evaluations.glob("*/*")) == sorted([*FILES, "summary.json"])


def test_other_settings_are_filed_beside(run, train, evaluate):
    """Guards refusals after work was done, and two checkpoints of one run under one name."""
    name = f"{CELL.name}-sample"
    first = evaluate(run, 2)
    kept = contents(first)
    made = {"": first, "context99": evaluate(run, 2, context=99), "seed2": evaluate(run, 2, seed=2)}
    made["context99-seed2"] = evaluate(run, 2, seed=2, context=99)
    train(12, seed=1)
    made["step_12"] = evaluate(load_run(run.path), 2)
    train(12, seed=2)  # trained anew
    made["step_12-weights"] = evaluate(load_run(run.path), 2)
    for end, found in made.items():
        weights = found.settings["weights"][:8] if end.endswith("weights") else ""
        assert found.folder.name == f"{name}-{end}{weights}".rstrip("-")
        assert len({json.dumps(one.settings) for one in made.values()}) == len(made)
    assert contents(first) == kept
    for settings in ({"context": 99}, {"seed": 2}, {"seed": 2, "context": 99}):
        assert evaluate(run, 2, **settings).settings["seconds"] in [one.settings["seconds"] for one in made.values()]
        assert evaluate.asked == []
    assert evaluate(load_run(run.path), 2).folder == made["step_12-weights"].folder
    assert evaluate(load_run(run.path / "checkpoints" / "step_5"), 2).folder == first.folder
    rows = [(named("run", one), one) for one in evaluation.finished(run.folder)]
    assert len(to_csv(rows).splitlines()) == 1 + len(made)
    assert len({run_name for run_name, _ in rows}) == len(made), "rows of one name hide each other"


def test_results_on_other_problems_are_filed_beside(run, evaluate, monkeypatch):
    """Guards a changed generator: old results passed off as results on the new problems, or mixed with them."""
    first = evaluate(run, 2)

    def other(*arguments):
        return dataclasses.replace(load_test_set(*arguments), digest="0123456789abcdef")

    monkeypatch.setattr(evaluation, "load_test_set", other)
    again = evaluate(run, 2)
    assert again.folder.name == f"{first.folder.name}-problems01234567"
    assert evaluate.asked == [0, 1]


def test_a_stopped_evaluation_of_other_weights_is_left_alone(run, train, evaluate, monkeypatch):
    """Guards the records of a stopped evaluation: they used to be deleted by one of other settings."""

    def stops(decoding, tests, stream, tick, **more):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "generations", stops)
        with pytest.raises(KeyboardInterrupt):
            evaluate(run, 2)
    partial = run.folder.evaluation(CELL.name, "sample") / "generations.partial.jsonl"
    before = partial.read_bytes()
    train(5, seed=3)
    assert "-weights" in evaluate(load_run(run.path), 2).folder.name
    assert partial.read_bytes() == before


def make_old(found, context):
    """Turns an evaluation into one of an earlier version: numbers in its summary, other keys, a fixed context."""
    old_names = {"taken_back": "retries", "needlessly_taken_back": "needless_retries", "rollbacks": "withdrawn"}
    settings = {key: value for key, value in found.settings.items() if key != "chosen"}
    (found.folder / "summary.json").write_text(json.dumps(settings | NUMBERS | {"context": context}))
    path = found.folder / "verdicts.jsonl"
    verdicts = [json.loads(line) for line in path.read_text().splitlines()]
    old = [{old_names.get(k, k): v for k, v in verdict.items() if k != "finished"} for verdict in verdicts]
    path.write_text("".join(json.dumps(verdict) + "\n" for verdict in old))


def test_evaluations_of_earlier_versions_are_read(run, evaluate):
    """Guards old folders: read as they are, whatever the default context is now, and gone on from."""
    found = evaluate(run, 3)
    means = {name: found.numbers.mean(name) for name in METRICS}
    make_old(found, 2048)
    again = evaluate(run, 3)
    assert (evaluate.asked, again.folder) == ([], found.folder)
    assert {name: again.numbers.mean(name) for name in METRICS} == means | {"at_limit": None}
    table = build_report(ReportRequest("T", [Source("row", run.path)], measures=["retries", "accuracy"])).tables[0]
    assert table.measure.name == "taken_back"
    larger = evaluate(run, 4)
    assert (larger.folder.name, evaluate.asked) == (f"{found.folder.name}-context110", [0, 1, 2, 3])
    make_old(found, 110)
    shutil.rmtree(larger.folder)
    assert (evaluate(run, 4).folder, evaluate.asked) == (found.folder, [3])


def test_reports_show_the_default_and_can_name_the_others(run, train, evaluate):
    """Guards a table in which two evaluations of one cell are pooled as if they were two training seeds."""
    for settings in ({}, {"context": 99}, {"seed": 2}):
        evaluate(run, 2, **settings)
    source = [Source("row", run.path, 1)]
    report = build_report(ReportRequest("T", source))
    assert [result.settings["context"] for result in report.results] == [110]
    assert report.not_shown == ["context99", "seed2"]
    assert [(r.row, r.test_seed) for r in read_results(source, "seed2")] == [("row, seed2", 2)]
    assert {r.row for r in read_results(source, "all")} == {"row", "row, context99", "row, seed2"}
    for which, rows in (("all", ("row", "row, context99", "row, seed2")), ("seed2", ("row, seed2",))):
        (table, _) = build_report(ReportRequest("T", source, evaluations=which)).tables
        assert table.rows == rows
        assert all(table.cell(row, CELL.name).n == 2 for row in rows)
    with pytest.raises(InputError, match="no evaluation is named 'seed3'; did you mean 'seed2'"):
        build_report(ReportRequest("T", source, evaluations="seed3"))
    assert [r.test_seed for r in read_results([Source("row", run.path, 1, test_seed=2)])] == [2]
    train(12, seed=1)
    evaluate(load_run(run.path), 2)
    assert read_results(source)[0].evaluation.label == "step_12"
    assert "row, step_5" in {r.row for r in read_results(source, "all")}
    only = build_report(ReportRequest("T", [Source("row", run.path, 1, test_seed=2)])).tables[0]
    assert only.cell("row", CELL.name).n == 2
    shutil.rmtree(run.folder.evaluations)
    evaluate(load_run(run.path), 2, context=99)
    assert build_report(ReportRequest("T", source)).tables[0].rows == ("row", "row, context99"), "not the default's row"


def test_two_checkpoints_of_one_run_from_the_command_line(run, train, mistakes):
    """Guards the run's table: each row is named by the checkpoint that it is of, whichever was evaluated last."""
    train(12, seed=1)
    checkpoints = [run.path / "checkpoints" / name for name in ("step_12", "step_5")]
    assert mistakes("eval", *checkpoints, "--cells", "op=3", "--n", 2)[0] == 0
    lines = (run.folder.evaluations / "table.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0::3][:2] for line in lines] == [["run", "step_12"], ["run step_5", "step_5"]]
    code, out, _ = mistakes("report", run.path)
    assert (code, "other settings, not shown: step_5" in out) == (0, True)


@pytest.mark.parametrize(
    ("difficulty", "context", "expected"),
    [("med", 768, 2048), ("hard", 1024, 2048), ("nano", 128, 256), ("easy", 512, 1024), ("easy", 4096, 2048)],
)
def test_lengths_follow_the_run(difficulty, context, expected):
    """Guards minutes a cell for a half-trained model of short documents, and the paper's length where it has one."""
    assert default_context(DataConfig(problem=ProblemConfig(difficulty=difficulty), context=context)) == expected


def test_many_solutions_at_the_limit_are_said(run, evaluate):
    """Guards wrong solutions that are only cut off: the table says how many, and where."""
    found = evaluate(run, 4, decoder="greedy", context=60)  # an untrained model hardly ever ends
    share = found.numbers.mean("at_limit")
    assert share > 0.05
    (line,) = cut_off([("run", found)])
    assert f"{100 * share:.1f} % of the solutions were cut off at 60 tokens" in line
    assert line in to_markdown([("run", found)])


def test_progress_moves_while_no_solution_has_ended(run, monkeypatch):
    """Guards a bar that stands still for minutes: a half-trained model's solutions all go to the limit."""
    monkeypatch.setattr(igsm.decoding.run, "TICK", 0.001)
    seen = []
    with run.decoding(parse_decoder("greedy"), context=400, devices=["cpu"]) as decoding:
        evaluation.evaluate(run, CELL, decoding, 3, 0, progress=lambda *numbers: seen.append(numbers))
    steps = [steps for graded, _, steps in seen if graded == 0]
    assert len(set(steps)) > 3
    assert steps == sorted(steps)
    assert seen[-1][0] == 3
