"""The command `mistakes sweep`: bad options and names end it before anything runs."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from cli.sweep import command, listing
from igsm.config import load_config
from igsm.errors import InputError
from igsm.rundir import RunFolder
from igsm.sweeps.execute import Executor, Outcome
from igsm.sweeps.jobs import Job
from igsm.sweeps.plan import plan
from igsm.sweeps.speed import Speed, Speeds
from igsm.sweeps.state import missing
from igsm.sweeps.sweep import Sweep, load_sweep


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"prefix": "srun 'x"}, {}, "--run .*cannot be split into words"),
        ({"commands": True}, {}, "--commands goes with --dry-run: without that the sweep is run"),
        ({"gpus": "0,a"}, {}, "--gpus 0,a: 'a' is no GPU"),
        ({"gpus": "0,"}, {}, "'' is no GPU"),
        ({"gpus": "0,1+1"}, {}, "'1\\+1' gives one run the same GPU twice"),
        ({}, {"baseline": "orginal"}, "unknown baseline 'orginal'; did you mean 'original'"),
        ({}, {"measures": ["acuracy"]}, "unknown measure 'acuracy'; did you mean 'accuracy'"),
        ({}, {"figure": "figure44"}, "unknown figure 'figure44'"),
    ],
)
def test_nothing_runs_with_a_bad_option_or_name(
    content: dict[str, Any], tmp_path: Path, options: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    """Guards against a typing error that shows as a traceback, or in the report after days of training."""
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(content | changes))
    given = {"gpus": None, "jobs": 1, "prefix": "", "only": "", "speed": None, "commands": False, "dry_run": False}
    with pytest.raises(InputError, match=message):
        command(file, [], root=tmp_path / "runs", **given | options)
    assert not (tmp_path / "runs").exists()


def test_a_damaged_result_costs_the_report_not_the_sweep(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against one arm's summary, cut short, that keeps all others from running or hides what they did."""
    file, ran = tmp_path / "sweep.yaml", []
    file.write_text(yaml.safe_dump(content))
    evaluation = plan(load_sweep(file), tmp_path)[1]
    cell = RunFolder(evaluation.run).evaluation(evaluation.cells[0], evaluation.decoder)
    cell.mkdir(parents=True)
    (cell / "summary.json").write_text("{")

    def run(_: Executor, jobs: list[Job]) -> list[Outcome]:
        ran.extend(jobs)
        return [Outcome(job, "done") for job in jobs]

    monkeypatch.setattr(Executor, "run", run)
    with pytest.raises(SystemExit) as ended:
        command(file, [], root=tmp_path, prefix="")
    assert ended.value.code == 1
    assert len(ran) == 6
    printed = " ".join(capsys.readouterr().out.split())
    assert "6 done" in printed
    assert "summary.json: not a readable JSON file" in printed


@pytest.mark.parametrize(
    ("speeds", "message"),
    [
        ({"training": {"nano": -3}}, "training.nano: Input should be greater than 0, not -3"),
        ({"decoding": {"greedy": "fast"}}, "decoding.greedy: Input should be a valid number, not 'fast'"),
        ({"trainin": {}}, "unknown key 'trainin'; did you mean 'training'"),
    ],
)
def test_a_wrong_speed_is_refused(tmp_path: Path, speeds: dict[str, Any], message: str) -> None:
    """Guards against GPU-hours below 0."""
    (tmp_path / "speed.yaml").write_text(yaml.safe_dump({"measured": "here"} | speeds))
    with pytest.raises(InputError, match=message):
        load_config(Speed, tmp_path / "speed.yaml")


def test_a_speed_of_nothing_is_named(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against a misspelt name whose hours are silently missing from the total."""
    jobs = plan(sweep, tmp_path)
    speed = Speed(measured="here", training={"nano": 1.0, "nanno": 1.0}, decoding={"greedy": 1.0, "beam4": 1.0})
    assert speed.unused(jobs) == ["nanno", "beam4"]
    assert "not planned here: nanno, beam4" in " ".join(listing(jobs, Speeds(jobs, speed)).notes)


def test_the_total_is_what_is_left(sweep: Sweep, tmp_path: Path) -> None:
    """Guards the hours of a sweep that was interrupted: steps and cells that are there count no more."""
    training, evaluation, *_ = jobs = plan(sweep, tmp_path)
    assert (missing(training), missing(evaluation)) == (1, 1)
    RunFolder(training.run).checkpoint(15).mkdir(parents=True)
    cell = RunFolder(evaluation.run).evaluation(evaluation.cells[0], evaluation.decoder)
    cell.mkdir(parents=True)
    settings = {"cell": evaluation.cells[0], "decoder": evaluation.decoder, "n": evaluation.problems}
    settings |= {"seed": evaluation.test_seed, "checkpoint": "step_15"}
    (cell / "summary.json").write_text(json.dumps(settings))
    assert (missing(training), missing(evaluation)) == (1 / 4, 1 / 2)
    (training.run / "config.yaml").write_text(yaml.safe_dump(training.settings))
    speed = Speed(measured="here", training={"nano": 20 * 4 * 128 / 3600})  # an hour for a run
    shown = listing(jobs, Speeds(jobs, speed))
    assert "left to do: 6; " in shown.total
    assert "2.25 hours" in shown.total
    groups = list(shown.table.columns[0].cells)
    assert len(groups) == len(set(groups)) < len(jobs)  # one line for the seeds of a run
    file = io.StringIO()
    Console(file=file, width=80).print(shown.table)
    assert "\u2026" not in file.getvalue()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["families=nofile.yaml"], r"nofile\.yaml: no such file"),
        (["families=other.yaml"], r"other\.yaml: has no 'families', which .*sweep\.yaml takes from there"),
        (["arms=other.yaml", "seeds=[]"], "sweep.yaml: seeds: "),
    ],
)
def test_families_and_arms_of_another_file(
    content: dict[str, Any], tmp_path: Path, overrides: list[str], message: str
) -> None:
    """Guards against "should be a valid dictionary" for a file that is not there."""
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"arms": content["arms"]}))
    with pytest.raises(InputError, match=message):
        load_sweep(tmp_path / "sweep.yaml", overrides)
