"""Running a plan: order, failures, what is skipped, pinning, stopping."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igsm.config import build_config
from igsm.sweeps.execute import Executor, Outcome
from igsm.sweeps.jobs import Job
from igsm.sweeps.sweep import Sweep

Planned = Callable[[Sweep], list[Job]]
Execute = Callable[..., list[Outcome]]


@pytest.fixture
def execute(tmp_path: Path, fake: tuple[str, ...]) -> Execute:
    """Runs jobs with the stand-in."""

    def run(jobs: list[Job], slots: tuple[str | None, ...] = (None,), prefix: tuple[str, ...] = ()) -> list[Outcome]:
        return Executor(slots, prefix, tmp_path / "logs", lambda line: None, fake).run(jobs)

    return run


def test_everything_runs_once_and_is_skipped_the_second_time(sweep: Sweep, planned: Planned, execute: Execute) -> None:
    """Guards against paying twice for a finished run."""
    assert [one.status for one in execute(planned(sweep))] == ["done"] * 6
    assert [one.status for one in execute(planned(sweep))] == ["skipped"] * 6


def test_failure_of_one_arm_does_not_stop_the_others(
    content: dict[str, Any], planned: Planned, execute: Execute
) -> None:
    """Guards against a sweep of days ending at its first bad arm, and against hiding what went wrong."""
    content["arms"].insert(1, {"row": "bad", "overrides": ["training.learning_rate=0.666"]})
    outcomes = {one.job.name: one for one in execute(planned(build_config(Sweep, content, "test")))}
    assert outcomes["pretrain nano_pq-bad-seed1"].status == "failed"
    assert outcomes["pretrain nano_pq-bad-seed1"].message == "exit code 3: mistakes: error: loss is not finite"
    assert outcomes["eval nano_pq-bad-seed1 greedy"].status == "blocked"
    assert outcomes["eval nano_pq-retry-0.5-seed1 greedy"].status == "done"


def test_a_failure_is_told_by_what_this_attempt_said(sweep: Sweep, planned: Planned, tmp_path: Path) -> None:
    """Guards: a job that is killed reported with the error that it printed yesterday, which has been mended since."""
    job = planned(sweep)[0]
    log = tmp_path / "logs" / f"{job.name.replace(' ', '-')}.log"
    log.parent.mkdir()
    log.write_text("mistakes: error: data.op must be a number\n")
    killed = (sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    (outcome,) = Executor((None,), (), tmp_path / "logs", lambda line: None, killed).run([job])
    assert outcome.message.startswith("exit code -9: nothing was printed")
    assert "data.op" in log.read_text()


def test_run_that_saved_itself_is_not_a_failure(content: dict[str, Any], planned: Planned, execute: Execute) -> None:
    """Guards against calling a pre-empted run broken."""
    content["arms"] = [{"row": "pre-empted", "overrides": ["training.learning_rate=0.75"]}]
    training, evaluation = execute(planned(build_config(Sweep, content, "test")))
    assert (training.status, evaluation.status) == ("stopped", "stopped")


def test_jobs_are_pinned_and_run_at_once(
    sweep: Sweep, planned: Planned, execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against several runs on one GPU while the others idle, and against training on one GPU of two."""
    calls = tmp_path / "calls"
    monkeypatch.setenv("FAKE_CALLS", str(calls))
    execute(planned(sweep), ("0", "2,3"))
    lines = calls.read_text().splitlines()
    assert {line.rpartition("gpu=")[2] for line in lines} == {"0", "2,3"}
    assert len(lines) == 6
    for line in lines:
        on_two = line.endswith("gpu=2,3") and not line.startswith("eval")
        assert f"processes={2 if on_two else 1}" in line


def test_prefix_stands_before_every_command(sweep: Sweep, planned: Planned, execute: Execute, tmp_path: Path) -> None:
    """Guards against RUN=srun being ignored: jobs on the login node."""
    marker = tmp_path / "wrapped"
    wrapper = tmp_path / "wrapper.sh"
    wrapper.write_text(f'#!/bin/sh\necho x >> {marker}\nexec "$@"\n')
    wrapper.chmod(0o755)
    execute(planned(sweep), prefix=(str(wrapper),))
    assert marker.read_text() == "x\n" * 6


def test_stop_asks_the_running_job_to_save_and_starts_no_other(sweep: Sweep, planned: Planned, tmp_path: Path) -> None:
    """Guards against Ctrl-C killing runs without a checkpoint, or the sweep going on to the next arm."""
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75)); "
    code += f"open({str(tmp_path / 'up')!r}, 'w').close(); time.sleep(60)"
    executor = Executor([None], [], tmp_path / "logs", lambda line: None, (sys.executable, "-c", code))

    def stop() -> None:
        deadline = time.monotonic() + 30
        while not (tmp_path / "up").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        executor.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    outcomes = executor.run(planned(sweep))
    stopper.join()
    assert outcomes[0].message.startswith("saved")
    assert {one.status for one in outcomes} == {"stopped"}


def test_what_a_job_says_is_said_once(
    sweep: Sweep, planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a demo that prints each line of progress twice."""
    monkeypatch.setattr("igsm.sweeps.execute.PROGRESS_SECONDS", 0.05)
    code = "import time; print('half way', flush=True); time.sleep(1)"
    lines: list[str] = []
    Executor([None], [], tmp_path / "logs", lines.append, (sys.executable, "-c", code)).run(planned(sweep)[:1])
    assert [line.strip() for line in lines].count("half way") == 1


def test_missing_program_is_a_failed_job_not_a_crash(sweep: Sweep, planned: Planned, execute: Execute) -> None:
    """Guards against RUN= naming a program that is not installed."""
    assert execute(planned(sweep)[:1], prefix=("/no/such/program",))[0].status == "failed"


def test_conflicting_folder_is_left_alone(sweep: Sweep, planned: Planned, execute: Execute) -> None:
    """Guards against overwriting a run of other settings that has the folder's name."""
    job = planned(sweep)[0]
    execute([job])
    before = (job.run / "config.yaml").read_bytes()
    outcome = execute([replace(job, settings=job.settings | {"seed": 9})])[0]
    assert outcome.status == "failed"
    assert "seed: 1 there, 9 here" in outcome.message
    assert (job.run / "config.yaml").read_bytes() == before


def test_damaged_folder_is_a_failed_job_not_the_end(sweep: Sweep, planned: Planned, execute: Execute) -> None:
    """Guards against a config.yaml or summary.json cut short that ends all other arms."""
    jobs = planned(sweep)
    jobs[0].run.mkdir(parents=True)
    (jobs[0].run / "config.yaml").write_text("data: [")
    folder = jobs[3].run / "eval" / f"{jobs[3].cells[0]}-greedy"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text("{")
    outcomes = {one.job.name: one for one in execute([jobs[0], jobs[1], replace(jobs[3], needs=()), *jobs[4:]])}
    assert outcomes[jobs[0].name].status == "failed"
    assert "not valid YAML" in outcomes[jobs[0].name].message
    assert outcomes[jobs[3].name].status == "failed"
    assert "not a readable JSON file" in outcomes[jobs[3].name].message
    assert outcomes[jobs[5].name].status == "done"


def test_logs_that_cannot_be_written_fail_their_jobs(
    sweep: Sweep, planned: Planned, fake: tuple[str, ...], tmp_path: Path
) -> None:
    """Guards against a traceback out of a thread for a full disk or a file in the way."""
    (tmp_path / "logs").write_text("a file")
    outcomes = Executor([None], [], tmp_path / "logs", lambda line: None, fake).run(planned(sweep)[:2])
    assert [one.status for one in outcomes] == ["failed", "blocked"]
