"""What is there already: whether a job is done, may run, or cannot because its folder holds something else."""

from __future__ import annotations

from typing import Literal

from igsm.errors import InputError
from igsm.rundir import RunFolder, read_json, weights_digest
from igsm.sweeps.plan import Job
from igsm.sweeps.settings import conflict, finished

State = Literal["done", "to run", "conflict"]


def state(job: Job) -> tuple[State, str]:
    """Whether the job is done, may run, or cannot because its folder holds something else, and why."""
    if job.stage == "eval":
        return _evaluation_state(job)
    reason = conflict(job.run, job.settings)
    if reason is not None:
        return "conflict", reason
    if finished(job.run):
        return "done", ""
    steps = RunFolder(job.run).checkpoint_steps()
    return "to run", f"from step {steps[-1]}" if steps else ""


def missing(job: Job) -> float:
    """The share of a job's work that has not been done: of its training steps or of its cells."""
    folder = RunFolder(job.run)
    if job.stage == "eval":
        done = sum((folder.evaluation(cell, job.decoder) / "summary.json").is_file() for cell in job.cells)
        return 1 - done / len(job.cells)
    steps = folder.checkpoint_steps()
    return 1 - steps[-1] / job.settings["training"]["steps"] if steps else 1.0


def _evaluation_state(job: Job) -> tuple[State, str]:
    """Results that `mistakes eval` would refuse for their n, seed or weights are found before anything is computed."""
    to_run = 0
    for cell in job.cells:
        path = RunFolder(job.run).evaluation(cell, job.decoder) / "summary.json"
        if not path.is_file():
            to_run += 1
            continue
        summary = read_json(path)
        if not isinstance(summary, dict):
            raise InputError(f"{path}: not the summary of an evaluation")
        for key, setting, value in (("n", "problems", job.problems), ("seed", "test_seed", job.test_seed)):
            if (found := summary.get(key)) != value:
                same = f"move it away, give {setting}={found}, or a folder=NAME of its own"
                return "conflict", f"{path.parent}: holds results of {setting}={found}, not {value}; {same}"
        steps = RunFolder(job.run).checkpoint_steps()
        if not steps:
            continue  # the weights have been deleted, the results stay
        if (found := summary.get("checkpoint")) != (last := f"step_{steps[-1]}"):
            return "conflict", f"{path.parent}: holds results of {found}, the run is at {last}; move the folder away"
        if "weights" in summary and summary["weights"] != weights_digest(RunFolder(job.run).checkpoint(steps[-1])):
            return "conflict", f"{path.parent}: holds results of other weights than {last}'s; move the folder away"
    return ("to run", f"{to_run} of {len(job.cells)} cells") if to_run else ("done", "")
