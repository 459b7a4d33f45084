"""Speeds: of a file, of the runs that are there, and written by the benchmarks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igsm.config import load_config
from igsm.errors import InputError
from igsm.rundir import RunFolder
from igsm.sweeps.jobs import Job
from igsm.sweeps.plan import plan
from igsm.sweeps.speed import Speed, Speeds, record
from igsm.sweeps.sweep import Sweep


def leave_metrics(run: Path, rates: list[Any]) -> None:
    run.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"step": i, "tokens_per_second": rate}) for i, rate in enumerate(rates)]
    (run / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 99, "held_out_loss": 1.0}']) + "\n")


def described(job: Job, cell: str) -> dict[str, Any]:
    return {"cell": cell, "decoder": job.decoder, "n": job.problems, "seed": job.test_seed}


def leave_cell(job: Job, cell: str, seconds: Any, **more: Any) -> None:
    folder = RunFolder(job.run).evaluation(cell, job.decoder)
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(described(job, cell) | {"seconds": seconds} | more))


def test_runs_tell_the_speed_of_those_like_them(sweep: Sweep, tmp_path: Path) -> None:
    """Guards hours of a sweep that has begun: no speed of another kind, none of the steps that compile."""
    jobs = plan(sweep, tmp_path)
    training, evaluation, *others = jobs
    assert [Speeds(jobs).rate(one) for one in jobs] == [None] * len(jobs)
    leave_metrics(training.run, [1.0])
    assert Speeds(jobs).rate(training) is None, "only a line that holds the compilation"
    leave_metrics(training.run, [1.0, 100.0, 300.0, 200.0])
    assert [Speeds(jobs).rate(one) for one in jobs if one.stage == "pretrain"] == [200.0] * 3
    assert Speeds(jobs).rate(evaluation) is None
    leave_cell(evaluation, evaluation.cells[0], seconds=16.0)
    assert Speeds(jobs).rate(evaluation) is None, "the other cell may take any time"
    leave_cell(others[-1], evaluation.cells[1], seconds=48.0)
    assert evaluation.generated_tokens == 8 * 2 * 50
    assert [Speeds(jobs).rate(one) for one in jobs if one.stage == "eval"] == [8 * 2 * 50 / 64] * 3


@pytest.mark.parametrize(
    ("stage", "config", "key"),
    [
        ("pretrain", "configs/pretrain/med.yaml", "med"),
        ("finetune", "/pretrain/finetune/configs/finetune/nano/lora.yaml", "nano/lora"),
        ("probe", "mine/version1.yaml", "version1"),
    ],
)
def test_other_sizes_have_other_names(sweep: Sweep, tmp_path: Path, stage: str, config: str, key: str) -> None:
    """Guards hours of a large model at the speed of a small one whose config has the same name."""
    job = replace(plan(sweep, tmp_path)[0], stage=stage, config=config)
    given = Speed(measured="here", training={key: 5.0, "lora": 7.0})
    assert Speeds([], given).rate(job) == 5.0
    assert given.unused([job]) == ["lora"]


def test_a_resumed_evaluation_counts_what_it_made_itself(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against the speed of problems that lay on disk already."""
    evaluation = plan(sweep, tmp_path)[1]
    leave_cell(evaluation, evaluation.cells[0], seconds=16.0, resumed_from=6)
    leave_cell(evaluation, evaluation.cells[1], seconds=8.0)
    assert Speeds([evaluation]).rate(evaluation) == pytest.approx(8 * 2 * 50 / (8 * 8 + 8))


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": "3"}, {"seconds": -3.0}, {"seconds": 0}, {"resumed_from": None}, {"resumed_from": 8}, {"n": "8"}],
)
def test_damaged_results_measure_nothing(sweep: Sweep, tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Guards against a traceback or negative hours for a file that another command will name."""
    training, evaluation, *_ = jobs = plan(sweep, tmp_path)
    for cell in evaluation.cells:
        leave_cell(evaluation, cell, **({"seconds": 1.0} | wrong))
    leave_metrics(training.run, [1.0, "7", -2.0, float("nan"), None])
    assert not Speeds(jobs).measured


def test_the_file_goes_before_the_runs(sweep: Sweep, tmp_path: Path) -> None:
    """Guards a GPU's speed against that of a run made elsewhere."""
    training, evaluation, *_ = jobs = plan(sweep, tmp_path)
    leave_metrics(training.run, [1.0, 100.0])
    speeds = Speeds(jobs, Speed(measured="a GPU", training={"nano": 9.0}, decoding={"greedy": 7.0}))
    assert (speeds.rate(training), speeds.rate(evaluation)) == (9.0, 7.0)
    assert Speeds(jobs, Speed(measured="a GPU")).rate(training) == 100.0
    of_class = Speed(measured="a GPU", training={"nano": 9.0}, decoding={"greedy": 7.0, "nano/greedy": 8.0})
    assert Speeds(jobs, of_class).rate(evaluation) == 8.0
    assert Speeds(jobs, of_class, given_first=False).rate(training) == 100.0
    assert Speeds(jobs, of_class, given_first=False).rate(evaluation) == 8.0


def test_recorded_speeds_stand_beside_those_of_before(tmp_path: Path) -> None:
    """Guards the file of several benchmarks, and of one GPU only."""
    file = tmp_path / "speed.yaml"
    record(file, "training", {"med": 1234.56}, "NVIDIA H200")
    record(file, "decoding", {"greedy": 9.0}, "NVIDIA H200")
    record(file, "training", {"hard": 900.0, "med": 1500.0}, "NVIDIA H200")
    kept = load_config(Speed, file)
    assert kept.training == {"med": 1500.0, "hard": 900.0}
    assert kept.decoding == {"greedy": 9.0}
    with pytest.raises(InputError, match="has speeds of 'NVIDIA H200', not of 'NVIDIA A100'; give another file"):
        record(file, "training", {"med": 1.0}, "NVIDIA A100")
    assert load_config(Speed, file) == kept
