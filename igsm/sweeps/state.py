"""What is there already: whether a job is done, may run, or cannot because its folder holds something else."""

from __future__ import annotations

from typing import Literal

from igsm.grading.evaluations import current_weights, read_default
from igsm.rundir import RunFolder
from igsm.sweeps.jobs import Job
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
        return 1 - sum(_evaluated(job, cell) for cell in job.cells) / len(job.cells)
    steps = folder.checkpoint_steps()
    return 1 - steps[-1] / job.settings["training"]["steps"] if steps else 1.0


def _evaluation_state(job: Job) -> tuple[State, str]:
    to_run = sum(not _evaluated(job, cell) for cell in job.cells)
    return ("to run", f"{to_run} of {len(job.cells)} cells") if to_run else ("done", "")


def _evaluated(job: Job, cell: str) -> bool:
    """Whether the cell's first problems have been answered with the job's settings, by the newest weights."""
    found = read_default(job.run, cell, job.decoder, job.test_seed)
    if found is None or found.n < job.problems or found.chosen - {"seed"}:
        return False
    steps = RunFolder(job.run).checkpoint_steps()
    if not steps:
        return True  # the weights have been deleted, the results stay
    if found.settings.get("checkpoint") != f"step_{steps[-1]}":
        return False
    return "weights" not in found.settings or found.settings["weights"] == current_weights(job.run)
