"""The budgets of a sweep's arms: of finished runs as they have counted, of others as planned."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from igsm.errors import InputError
from igsm.reporting.budgets import FORMULA, Budget
from igsm.sweeps.cost import config_of, start_settings, training_tokens
from igsm.sweeps.jobs import Job
from igsm.sweeps.plan import training_jobs
from igsm.sweeps.sweep import Sweep
from igsm.training.budget import operations_a_token, share_with_loss, tokens_seen
from igsm.training.config import RunConfig

COUNTED = "With loss: as the runs have counted."
SAMPLED = "Rows without runs: as planned; with loss: the share in the first 64 windows of the data."


def budgets(sweep: Sweep, root: Path, *, planned: bool) -> list[Budget]:
    """One a run that rows are measured on, the mean over its finished seeds.

    Args:
        planned: those that have no finished run too, from the sweep's settings; their tokens with loss are counted in
            windows made for that.
    """
    jobs = training_jobs(sweep, root)
    every = [job for _, _, job in jobs]
    groups: dict[tuple[str, str], list[Job]] = {}
    for row, family, job in jobs:
        groups.setdefault((row, family), []).append(job)
    several = len({family for _, family in groups}) > 1
    found = []
    for (row, family), own in groups.items():
        seen = [counted for job in own if (counted := tokens_seen(job.run)) is not None]
        if not (seen or planned):
            continue
        base = start_settings(own[0], every)
        config = config_of(own[0], base)
        tokens = fmean(counted[0] for counted in seen) if seen else training_tokens(own[0].settings, base)
        with_loss = fmean(counted[1] for counted in seen) if seen else _with_loss(config, tokens)
        name = f"{row}, {family}" if several else row
        found.append(Budget(name, len(seen), tokens, with_loss, tokens * operations_a_token(config)))
    return found


def notes(found: list[Budget]) -> list[str]:
    """Where the numbers are from."""
    counted = [COUNTED] if any(one.runs for one in found) else []
    return [FORMULA, *counted, *([SAMPLED] if any(not one.runs for one in found) else [])]


def _with_loss(config: RunConfig, tokens: float) -> float | None:
    try:
        return share_with_loss(config) * tokens
    except InputError:  # its mix waits for a run
        return None
