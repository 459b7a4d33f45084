"""`mistakes eval`: what it refuses, how it is stopped and shared out, its tables."""

from __future__ import annotations

import json
import os
import shutil
import signal

from cli.eval_progress import CellProgress
from igsm.evaluation import evaluate as evaluation


def test_a_detector_that_is_not_there_is_found_before_anything_is_generated(run, tmp_path, mistakes):
    """Guards hours of greedy decoding before a typing error in the next decoder's folder shows."""
    decoders = f"greedy,regret-version1@{tmp_path / 'nowhere'}"
    code, _, error = mistakes("eval", run.path, "--cells", "op=3", "--decoder", decoders, "--n", 2)
    assert (code, "nowhere" in error) == (2, True)
    assert not run.folder.evaluations.exists()


def test_a_decoder_that_the_model_cannot_follow_is_found_before_anything_is_generated(run, mistakes):
    for name, mark in (("turns2", "[again]"), ("tag_good", "[good]"), ("rethink1", "[judge], [good], [bad]")):
        code, _, error = mistakes("eval", run.path, "--cells", "op=3", "--decoder", f"greedy,{name}", "--n", 2)
        assert (code, f"decoder '{name}': the model was trained without {mark}" in error) == (2, True), error
    assert not run.folder.evaluations.exists()


def test_two_runs_of_one_name_stay_apart(run, tmp_path, mistakes):
    """Guards the table: rows are kept by name, and folders of two experiments often have the same one."""
    other = tmp_path / "second" / "run"
    shutil.copytree(run.path, other)
    assert mistakes("eval", run.path, other, "--cells", "op=2", "--n", 2, "--out", tmp_path / "both")[0] == 0
    rows = [line.split(",")[0] for line in (tmp_path / "both.csv").read_text().splitlines()[1:]]
    assert rows == [f"{tmp_path.name}/run", "second/run"]
    code, _, error = mistakes("eval", run.path, run.path, "--cells", "op=2", "--n", 2)
    assert (code, "more than once" in error) == (2, True)


def test_the_table_of_a_run_has_all_its_cells(run, mistakes):
    """Guards the table against the last command: cells evaluated before stay in it."""
    for cell in ("op=2", "op=3"):
        assert mistakes("eval", run.path, "--cells", cell, "--n", 2)[0] == 0
    assert len((run.folder.evaluations / "table.csv").read_text().splitlines()) == 3


def test_sigterm_asks_to_be_requeued(run, mistakes, monkeypatch):
    """Guards pre-empted jobs: exit code 75, finished records kept, no lock left, and the same command goes on."""
    original = evaluation.generations
    before = signal.getsignal(signal.SIGTERM)

    def asked_to_stop(*arguments, **more):
        for count, record in enumerate(original(*arguments, **more)):
            if count == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            yield record

    monkeypatch.setattr(evaluation, "generations", asked_to_stop)
    command = ("eval", run.path, "--cells", "op=2", "--n", 4)
    code, _, error = mistakes(*command)
    assert (code, "the same command goes on" in error) == (75, True)
    assert signal.getsignal(signal.SIGTERM) is before
    folder = run.folder.evaluation("nano_pq:op=2", "greedy")
    assert len((folder / "generations.partial.jsonl").read_text().splitlines()) == 3
    monkeypatch.setattr(evaluation, "generations", original)
    assert mistakes(*command)[0] == 0
    assert json.loads((folder / "summary.json").read_text())["n"] == 4


def test_parts_share_the_cells(run, mistakes):
    """Guards array jobs: together the parts do every cell of every decoder once, and one too many does no harm."""
    done = set()
    for part in ("1/3", "2/3", "3/3"):
        code, _, _ = mistakes(
            "eval", run.path, "--cells", "op=2,op=3", "--decoder", "greedy,sample", "--n", 2, "--part", part
        )
        assert code == 0
        found = {path.parent.name for path in run.folder.evaluations.glob("*/summary.json")}
        assert len(found - done) == (2 if part == "1/3" else 1)
        done = found
    assert len(done) == 4
    assert len((run.folder.evaluations / "table.csv").read_text().splitlines()) == 5
    code, out, _ = mistakes("eval", run.path, "--cells", "op=2", "--n", 2, "--part", "2/2")
    assert (code, "fewer cells than parts" in out) == (0, True)


def test_tables_fit_80_columns_and_finished_cells_are_not_shown_again(run, mistakes):
    """Guards words cut inside, a slash that nothing explains, and a bar for every cell that is only read."""
    command = ("eval", run.path, "--cells", "op=2,op=3", "--decoder", "greedy,beam2", "--n", 3)
    code, out, error = mistakes(*command, columns=80)
    assert code == 0
    assert "\r" not in out + error
    tables = out.partition("written: ")[0]
    assert max(map(len, tables.splitlines())) <= 80
    assert "/" not in tables
    for expected in ("op=2", "beam2", "always answering 0"):
        assert expected in tables
    assert "problems a cell" in error
    code, again, error = mistakes(*command, columns=80)
    assert (code, again) == (0, out)
    assert "op=2" not in error
    assert "taken back: sentences" in mistakes(*command, "--explain")[1]
    first, *_ = json.loads(mistakes(*command, "--json")[1])
    assert {"decoder": "greedy", "cell": "nano_pq:op=2", "n": 3}.items() <= first.items()


def test_the_accuracy_is_within_80_columns(monkeypatch, capsys):
    """Guards the one number wanted cut off the end of the line."""
    monkeypatch.setattr("igsm.progress.is_plain", lambda stream: False)
    with CellProgress("", "op<=15 reask strict", 4096, 2048) as shown:
        shown._bar = None
        shown.waiting("drawing 4,096 problems")
        shown._bar.ncols, shown._bar.dynamic_ncols = 80, None
        shown.update(1234, 1111, 99999)
        shown._bar.refresh()
    last = capsys.readouterr().err.rstrip().split("\r")[-1]
    assert "accuracy 90.0 %" in last[:60]
    assert len(last) <= 80
