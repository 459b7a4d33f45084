"""Metrics: which solutions count, and numbers of finished evaluations computed from their verdicts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from igsm.errors import InputError
from igsm.grading import metrics
from igsm.grading.evaluations import defaults, read_default, read_evaluation, read_evaluations
from igsm.grading.metrics import METRICS, Columns, Metric, Numbers


def verdict(index=0, correct=True, taken_back=0, tokens=10, **more):
    """One line of verdicts.jsonl."""
    error = None if correct else {"kind": "wrong value"}
    more = {
        "rollbacks": taken_back + 1,
        "unnecessary_parameters": 2,
        "op": 3,
        "true_answer": 0,
        "finished": True,
    } | more
    return {
        "index": index,
        "correct": correct,
        "taken_back": taken_back,
        "generated_tokens": tokens,
        "error": error,
    } | more


def test_means_are_over_the_solutions_that_count():
    """Guards sentences taken back and cost: on correct and on wrong solutions apart, tokens over all."""
    numbers = Numbers([verdict(0, True, 1), verdict(1, False, 5, 40), verdict(2, False, 7, 40, finished=False)])
    means = {name: numbers.mean(name) for name in METRICS}
    assert (means["taken_back"], means["taken_back_on_wrong"]) == (1, 6)
    assert (means["rollbacks"], means["rollbacks_on_wrong"]) == (2, 7)
    assert means["generated_tokens"] == 30
    assert (means["accuracy"], means["at_limit"]) == (1 / 3, 1 / 3)
    assert numbers.first_errors == {"wrong value": 2}
    assert Numbers([verdict(correct=False)]).mean("taken_back") is None


def test_skipped_steps_are_counted_over_all_solutions():
    """Guards: the share of first errors that skip a step taken over the wrong solutions only, or for a probe."""
    early = verdict(3, False, error={"kind": "not computable yet"})
    numbers = Numbers([verdict(0), verdict(1), verdict(2, False), early])
    assert numbers.mean("not_computable") == 1 / 4
    assert Numbers([{"index": 0, "probe_right": True}]).mean("not_computable") is None


def test_columns_know_the_problem():
    """Guards pairing: a wrong solution's column of sentences taken back is empty, not 0."""
    columns = Columns([verdict(0, True, 1), verdict(1, False, 5), verdict(2, True, 0)])
    assert columns.of_problems("taken_back") == {0: 1.0, 2: 0.0}
    assert columns.problems == Columns([verdict(i) for i in range(3)]).problems
    assert columns.problems != Columns([verdict(i, op=4) for i in range(3)]).problems


@pytest.fixture
def write(tmp_path):
    """Writes an evaluation of a run, 3 problems of which the first is right; returns its folder."""

    def make(end="", cell="op=3", decoder="greedy", **settings):
        folder = tmp_path / "eval" / f"{cell}-{decoder}{end}"
        folder.mkdir(parents=True)
        summary = {"cell": cell, "decoder": decoder, "n": 3, "seed": 0, "checkpoint": "step_5"} | settings
        (folder / "summary.json").write_text(json.dumps(summary))
        lines = [json.dumps(verdict(i, i == 0)) for i in range(3)]
        (folder / "verdicts.jsonl").write_text("\n".join(lines) + "\n")
        return folder

    return make


def test_a_new_metric_says_something_of_finished_evaluations(write, monkeypatch):
    """Guards the one place: an entry of METRICS is all that a metric needs, and no result is refused for lacking it."""
    folder = write()
    long = Metric("long", "Share of solutions of 10 tokens", lambda v: v["generated_tokens"] >= 10, "all", 0)
    monkeypatch.setitem(metrics.METRICS, "long", long)
    assert read_evaluation(folder).numbers.mean("long") == 1


def test_fewer_problems_are_the_first_ones(write):
    """Guards a table of 2 problems against the numbers of 3, and a file cut short."""
    folder = write()
    assert read_evaluation(folder, 1).numbers.mean("accuracy") == 1
    assert (read_evaluation(folder, 9).n, read_evaluation(folder).numbers.correct) == (3, 1)
    path = folder / "verdicts.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert read_evaluation(folder, 2).numbers.n == 2
    with pytest.raises(InputError, match=r"has 2 verdicts, summary\.json says 3"):
        _ = read_evaluation(folder).numbers


def test_the_default_evaluation_is_the_newest_under_default_settings(write, tmp_path):
    """Guards tables against an older checkpoint's numbers, and against a choice that was tried once."""
    write()
    write("-context99", chosen=["context"], context=99)
    assert [one.label for one in defaults(tmp_path, read_evaluations(tmp_path))] == ["step_5"]
    write("-step_12", checkpoint="step_12")
    write("-seed2", checkpoint="step_12", seed=2, chosen=["seed"])
    write(decoder="beam4")
    found = defaults(tmp_path, read_evaluations(tmp_path))
    assert [one.label for one in found] == ["step_12"], "no table of two checkpoints"
    assert read_default(tmp_path, "op=3", "greedy", seed=2).label == "seed2"
    assert read_default(tmp_path, "op=3", "greedy", seed=3) is None
    manifest = tmp_path / "checkpoints" / "step_5" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"weights.safetensors": {"sha256": "a" * 64}}))
    write("-weightsaaaa", weights="a" * 16)
    assert read_default(tmp_path, "op=3", "greedy").label == "weightsaaaa", "those that the run has now"
    assert read_default(tmp_path, "op=3", "beam4").label == "step_5"


def test_printed_numbers():
    """Guards "-" for what is not known, and per cent for shares."""
    accuracy = METRICS["accuracy"]
    assert (accuracy.text(None), accuracy.text(0.5), accuracy.difference(-0.031)) == ("-", "50.0", "-3.1")
    assert replace(accuracy, share=False).text(0.5) == "0.50"
